mod add;
mod deprecatetruncate;
mod prune;
mod prune_stranded;
mod rm;
mod serve;
