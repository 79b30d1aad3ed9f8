"""The search for a better recipe belongs here: trials, their study in SQLite, what came out."""
