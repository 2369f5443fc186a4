"""The media server: a client of the REST contract that forwards what people send each other, without decoding it."""
