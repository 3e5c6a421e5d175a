mod add;
mod deprecatetruncate;
mod images;
mod prune;
mod prune_stranded;
mod rm;
mod serve;
