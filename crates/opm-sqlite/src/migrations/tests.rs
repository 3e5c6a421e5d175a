//! Upgrades of hand-made databases of every version.
