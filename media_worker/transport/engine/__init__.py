"""What moves packets between the socket and peers; a file per rung."""
