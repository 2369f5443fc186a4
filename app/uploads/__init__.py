"""Files that people send: in parts, straight into the object store; verified before any feature takes them."""
