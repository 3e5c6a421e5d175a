mod build;
mod convert;
mod extract;
mod generate;
mod unpack;
mod validate;
