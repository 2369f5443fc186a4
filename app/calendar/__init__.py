"""Meetings as other calendars see them: files, feeds, and mails that ask and answer (iCalendar, iTIP)."""
