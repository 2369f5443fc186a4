"""Where events go beside the log: a driver family."""
