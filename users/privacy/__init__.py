"""Privacy: data exports, deletion and erasure of accounts."""
