"""Chat of a meeting: messages, reactions, read marks, and lines that the system writes."""
