mod build;
mod convert;
mod generate;
mod unpack;
mod validate;
