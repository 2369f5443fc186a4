"""Work in the background: what is enqueued in a transaction is done after its commit, once or more often, until it succeeds."""
