mod add;
mod build;
mod deprecatetruncate;
mod images;
mod prune;
mod prune_stranded;
mod rm;
mod serve;
