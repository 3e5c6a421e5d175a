mod bundles;
mod catalogs;
mod clusters;
mod crds;
mod watches;
