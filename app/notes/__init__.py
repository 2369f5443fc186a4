"""Notes of meetings: who said what, and what came of it. Transcribers hear, analysts read; both are
drivers."""
