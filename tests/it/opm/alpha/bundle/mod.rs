mod build;
mod generate;
mod unpack;
mod validate;
