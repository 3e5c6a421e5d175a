//! Mirrors of catalogs in a bad world: networks that fail, processes that are killed, images that are not as they should be.

mod bad_input;
mod chaos;

const CONFIGS_LABEL: &str = "operators.operatorframework.io.index.configs.v1";
