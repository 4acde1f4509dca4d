/** In the file's header: it is a log of this package. */
export const applicationId = 0x5353_454c

/** How the tables are laid out. A release refuses a file of another version. */
export const schemaVersion = 1

/**
 *     events     what the log holds, by seq: the oldest are trimmed, and deleted some time later
 *     places     topic, seq: where a topic's events are. Filled after the event is stored, up to meta.indexed, since one pass
 *                in the order of topics costs less than an entry with each event. A topic that lost events keeps the place of
 *                the newest that it lost: its mark
 *     gone       the same marks by seq, as far as trimmed events are deleted: patterns look for the newest here, and the oldest are forgotten first
 *     held       events of running and ended topics that were trimmed: only the topic's name reaches them
 *     finite     topics that were claimed or ended, and those whose time is over
 *     owners     processes that run topics, with a number that rises while they live
 *     notices    what tails in other processes receive besides events; the newest few thousand
 *     controls   control entries that are kept
 *     producers, batches     what a producer has stored, so that a repeat is stored once
 */
export const schema = `
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL,
  event TEXT, key TEXT, data TEXT NOT NULL
);
CREATE TABLE places (topic TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (topic, seq)) WITHOUT ROWID;
CREATE TABLE gone (seq INTEGER PRIMARY KEY, topic TEXT NOT NULL);
CREATE TABLE held (
  topic TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT, key TEXT, data TEXT NOT NULL, PRIMARY KEY (topic, seq)
) WITHOUT ROWID;
CREATE TABLE finite (
  topic TEXT PRIMARY KEY, state TEXT NOT NULL, owner TEXT, isCancelled INTEGER NOT NULL DEFAULT 0,
  lost INTEGER NOT NULL, bytes INTEGER NOT NULL, endSeq INTEGER, due INTEGER, lapse INTEGER,
  isSwept INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX finiteOwner ON finite (owner) WHERE state = 'running';
CREATE INDEX finiteEnd ON finite (endSeq) WHERE state = 'ended';
CREATE INDEX finiteDue ON finite (due) WHERE state = 'ended';
CREATE INDEX finiteLapse ON finite (lapse) WHERE state = 'expired';
CREATE INDEX finiteUnswept ON finite (lapse) WHERE state = 'expired' AND isSwept = 0;
CREATE TABLE owners (id TEXT PRIMARY KEY, beat INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE notices (
  number INTEGER PRIMARY KEY, kind TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
  name TEXT NOT NULL, value TEXT NOT NULL
);
CREATE TABLE controls (
  name TEXT PRIMARY KEY, value TEXT NOT NULL, at INTEGER NOT NULL, due INTEGER NOT NULL, isTold INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX controlDue ON controls (due);
CREATE TABLE producers (
  topic TEXT NOT NULL, id TEXT NOT NULL, epoch INTEGER NOT NULL, latest INTEGER NOT NULL, usedAt INTEGER NOT NULL,
  PRIMARY KEY (topic, id)
) WITHOUT ROWID;
CREATE INDEX producerUse ON producers (usedAt);
CREATE TABLE batches (
  topic TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (topic, id, number)
) WITHOUT ROWID;
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, base INTEGER NOT NULL, seq INTEGER NOT NULL,
  indexed INTEGER NOT NULL, trimmed INTEGER NOT NULL, evicted INTEGER NOT NULL, forgotten INTEGER NOT NULL,
  oldest INTEGER NOT NULL, undeleted INTEGER NOT NULL, undeletedLength INTEGER NOT NULL, marks INTEGER NOT NULL, events INTEGER NOT NULL, length INTEGER NOT NULL,
  heldBytes INTEGER NOT NULL, finite INTEGER NOT NULL, expired INTEGER NOT NULL, unswept INTEGER NOT NULL,
  lapses INTEGER NOT NULL, notices INTEGER NOT NULL, controls INTEGER NOT NULL, producers INTEGER NOT NULL,
  clock INTEGER NOT NULL, boot TEXT NOT NULL, file TEXT NOT NULL, isSynced INTEGER NOT NULL
);
`
