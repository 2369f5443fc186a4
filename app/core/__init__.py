"""What every feature stands on: settings, errors, database, the bus, drivers. Knows no feature."""
