"""Work in the background: what a transaction enqueues is done after its commit, tried until it succeeds."""
