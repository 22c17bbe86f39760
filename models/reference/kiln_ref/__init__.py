"""PyTorch reference of kiln's networks: defines, trains and exports the weights that the Rust crate runs."""
