"""Who is in a meeting: join, leave, presence. A participant is one stay of one device."""
