"""Demo data: a small team and its meetings, made only by `flask demo seed`."""
