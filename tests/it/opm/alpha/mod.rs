mod bundle;
mod convert_template;
mod list;
mod render_graph;
mod render_template;
