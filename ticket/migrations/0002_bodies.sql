-- What the app sent, as it sent it, until the ticket is done; NULL for one that is too large for a row, and is a file.

ALTER TABLE tickets ADD COLUMN body BLOB;
