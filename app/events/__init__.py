"""The outbox: what happened, kept in the transaction in which it happened, numbered per meeting."""
