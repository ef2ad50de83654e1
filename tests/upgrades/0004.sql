PRAGMA application_id=1397507143;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE artifacts (
	attempt_id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	format TEXT NOT NULL, 
	bytes BIGINT NOT NULL, 
	sha256 TEXT NOT NULL, 
	CONSTRAINT artifacts_pkey PRIMARY KEY (attempt_id, path), 
	CONSTRAINT artifacts_attempt_id_fkey FOREIGN KEY(attempt_id) REFERENCES attempts (id), 
	CONSTRAINT artifacts_path_key UNIQUE (path)
)
 WITHOUT ROWID

;
INSERT INTO "artifacts" VALUES(1,'0/champion.1/a','json',4294967296,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
INSERT INTO "artifacts" VALUES(1,'0/champion.1/b','json',4294967296,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
INSERT INTO "artifacts" VALUES(2,'0/overtaken.1/a','json',4294967296,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
INSERT INTO "artifacts" VALUES(2,'0/overtaken.1/b','json',4294967296,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
INSERT INTO "artifacts" VALUES(3,'0/rejected.1/a','json',4294967296,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
INSERT INTO "artifacts" VALUES(3,'0/rejected.1/b','json',4294967296,'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
CREATE TABLE attempts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	slice_id TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	runner_id INTEGER NOT NULL, 
	outcome TEXT DEFAULT 'running' NOT NULL, 
	reason TEXT, 
	started_at TEXT NOT NULL, 
	finished_at TEXT, 
	load_seconds DOUBLE, 
	fit_seconds DOUBLE, 
	evaluate_seconds DOUBLE, 
	save_seconds DOUBLE, 
	train_from TEXT NOT NULL, 
	train_to TEXT NOT NULL, 
	test_from TEXT NOT NULL, 
	test_to TEXT NOT NULL, 
	train_rows INTEGER, 
	test_rows INTEGER, 
	peak_memory BIGINT, 
	trainer TEXT, 
	model_used TEXT, 
	error_type TEXT, 
	error_message TEXT, 
	traceback TEXT, 
	output TEXT, 
	warnings TEXT, 
	code_version TEXT, 
	seed BIGINT, 
	warm_start_id INTEGER, 
	CONSTRAINT finished_when_closed CHECK ((outcome = 'running') = (finished_at IS NULL)), 
	CONSTRAINT known_outcome CHECK (outcome IN ('running', 'succeeded', 'rejected', 'failed', 'timeout', 'crashed', 'interrupted', 'lost')), 
	CONSTRAINT attempts_runner_id_fkey FOREIGN KEY(runner_id) REFERENCES runners (id), 
	CONSTRAINT attempts_slice_id_fkey FOREIGN KEY(slice_id) REFERENCES slices (id), 
	CONSTRAINT attempts_warm_start_id_fkey FOREIGN KEY(warm_start_id) REFERENCES attempts (id), 
	CONSTRAINT attempts_slice_id_number_key UNIQUE (slice_id, number)
);
INSERT INTO "attempts" VALUES(1,'champion',1,1,'succeeded','as the gate says','2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z',0.25,1.5,0.125,0.0625,'0','9','10','14',10,5,8589934592,'seasonal_naive','naive(2)',NULL,NULL,NULL,'said
','w','c',7,NULL);
INSERT INTO "attempts" VALUES(2,'overtaken',1,1,'succeeded','as the gate says','2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z',0.25,1.5,0.125,0.0625,'0','9','10','14',10,5,8589934592,'seasonal_naive','naive(2)',NULL,NULL,NULL,'said
','w','c',7,NULL);
INSERT INTO "attempts" VALUES(3,'rejected',1,1,'rejected','as the gate says','2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z',0.25,1.5,0.125,0.0625,'0','9','10','14',10,5,8589934592,'seasonal_naive','naive(2)',NULL,NULL,NULL,'said
','w','c',7,NULL);
INSERT INTO "attempts" VALUES(4,'failed',1,1,'failed',NULL,'2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z',NULL,NULL,NULL,NULL,'0','9','10','14',NULL,NULL,NULL,NULL,NULL,'NoDataError','keine Zeilen','Traceback …',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(5,'waiting',1,1,'failed',NULL,'2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z',NULL,NULL,NULL,NULL,'0','9','10','14',NULL,NULL,NULL,NULL,NULL,'E','no',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(6,'crashed',1,1,'crashed',NULL,'2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z',NULL,NULL,NULL,NULL,'0','9','10','14',NULL,NULL,NULL,NULL,NULL,'Signal','9',NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(7,'overtaken',2,2,'timeout',NULL,'2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z',NULL,NULL,NULL,NULL,'0','9','10','14',NULL,NULL,NULL,NULL,NULL,'E','no',NULL,NULL,NULL,NULL,NULL,1);
INSERT INTO "attempts" VALUES(8,'lost',1,2,'lost','its runner died','2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z',NULL,NULL,NULL,NULL,'0','9','10','14',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "attempts" VALUES(9,'lost',2,1,'running',NULL,'2026-01-02T03:04:05.678901Z',NULL,NULL,NULL,NULL,NULL,'0','9','10','14',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "drift_checks" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id INTEGER, 
	slice_id TEXT NOT NULL, 
	attempt_id INTEGER NOT NULL, 
	window_from TEXT, 
	window_to TEXT, 
	rows INTEGER, 
	detector TEXT NOT NULL, 
	statistic TEXT, 
	effect DOUBLE, 
	p DOUBLE, 
	reason TEXT, 
	checked_at TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	since TEXT, 
	CONSTRAINT known_verdict CHECK (verdict IN ('stable', 'suspect', 'drifted', 'insufficient', 'common_cause')), 
	CONSTRAINT drift_checks_run_id_fkey FOREIGN KEY(run_id) REFERENCES drift_runs (id), 
	CONSTRAINT drift_checks_attempt_id_fkey FOREIGN KEY(attempt_id) REFERENCES attempts (id), 
	CONSTRAINT drift_checks_slice_id_fkey FOREIGN KEY(slice_id) REFERENCES slices (id)
);
INSERT INTO "drift_checks" VALUES(1,1,'champion',1,'1','2',2,'panel','level',0.9,0.001,'level +0.9 sd','2026-01-02T03:04:05.678901Z','drifted','0');
CREATE TABLE drift_findings (
	run_id INTEGER NOT NULL, 
	slice_id TEXT NOT NULL, 
	attempt_id INTEGER NOT NULL, 
	previous_id INTEGER, 
	window_from TEXT, 
	window_to TEXT, 
	rows INTEGER, 
	detector TEXT NOT NULL, 
	statistic TEXT, 
	effect DOUBLE, 
	p DOUBLE, 
	reason TEXT, 
	checked_at TEXT NOT NULL, 
	confirmed INTEGER, 
	confirmation TEXT, 
	CONSTRAINT drift_findings_pkey PRIMARY KEY (run_id, slice_id), 
	CONSTRAINT drift_findings_run_id_fkey FOREIGN KEY(run_id) REFERENCES drift_runs (id), 
	CONSTRAINT drift_findings_slice_id_fkey FOREIGN KEY(slice_id) REFERENCES slices (id), 
	CONSTRAINT drift_findings_attempt_id_fkey FOREIGN KEY(attempt_id) REFERENCES attempts (id)
)
 WITHOUT ROWID

;
INSERT INTO "drift_findings" VALUES(2,'champion',1,1,'1','2',2,'panel','level',0.9,0.001,'level +0.9 sd','2026-01-02T03:04:05.678901Z',1,'x');
CREATE TABLE drift_profiles (
	attempt_id INTEGER NOT NULL, 
	detector TEXT NOT NULL, 
	column_name TEXT NOT NULL, 
	profile BLOB, 
	problem TEXT, 
	CONSTRAINT drift_profiles_pkey PRIMARY KEY (attempt_id, detector, column_name), 
	CONSTRAINT profile_or_problem CHECK ((profile IS NULL) = (problem IS NOT NULL)), 
	CONSTRAINT drift_profiles_attempt_id_fkey FOREIGN KEY(attempt_id) REFERENCES attempts (id)
)
 WITHOUT ROWID

;
INSERT INTO "drift_profiles" VALUES(1,'panel','a',X'647000FF',NULL);
INSERT INTO "drift_profiles" VALUES(1,'panel','b',NULL,'it is text');
CREATE TABLE drift_runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	runner_id INTEGER NOT NULL, 
	started_at TEXT NOT NULL, 
	ended_at TEXT, 
	ending TEXT, 
	options TEXT NOT NULL, 
	planned INTEGER NOT NULL, 
	stable_count INTEGER, 
	suspect_count INTEGER, 
	drifted_count INTEGER, 
	insufficient_count INTEGER, 
	common_cause_count INTEGER, 
	CONSTRAINT drift_run_ended_with_a_reason CHECK ((ended_at IS NULL) = (ending IS NULL)), 
	CONSTRAINT known_ending CHECK (ending IN ('decided', 'abandoned')), 
	CONSTRAINT drift_runs_runner_id_fkey FOREIGN KEY(runner_id) REFERENCES runners (id)
);
INSERT INTO "drift_runs" VALUES(1,1,'2026-01-02T03:04:05.678901Z','2026-01-02T03:04:05.678901Z','decided','{}',1,NULL,NULL,1,NULL,NULL);
INSERT INTO "drift_runs" VALUES(2,1,'2026-01-02T03:04:05.678901Z',NULL,NULL,'{}',1,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE imports (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	path TEXT NOT NULL, 
	folder TEXT NOT NULL, 
	imported_at TEXT NOT NULL, 
	rows INTEGER NOT NULL, 
	added INTEGER NOT NULL, 
	changed INTEGER NOT NULL, 
	unchanged INTEGER NOT NULL, 
	retired INTEGER NOT NULL
);
INSERT INTO "imports" VALUES(1,'/data/split.csv','/data','2026-01-02T03:04:05.678901Z',9,9,0,0,0);
INSERT INTO "imports" VALUES(2,'/data/split.csv','/data','2026-01-02T03:04:05.678901Z',8,0,0,8,1);
CREATE TABLE metrics (
	attempt_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	value DOUBLE, 
	kind TEXT DEFAULT 'finite' NOT NULL, 
	CONSTRAINT metrics_pkey PRIMARY KEY (attempt_id, name), 
	CONSTRAINT finite_has_a_value CHECK ((kind = 'finite') = (value IS NOT NULL)), 
	CONSTRAINT known_kind CHECK (kind IN ('finite', 'nan', 'inf', '-inf')), 
	CONSTRAINT metrics_attempt_id_fkey FOREIGN KEY(attempt_id) REFERENCES attempts (id)
)
 WITHOUT ROWID

;
INSERT INTO "metrics" VALUES(1,'bias',NULL,'-inf');
INSERT INTO "metrics" VALUES(1,'mae',3.00000000000000044408e-01,'finite');
INSERT INTO "metrics" VALUES(1,'mase',NULL,'inf');
INSERT INTO "metrics" VALUES(1,'rmse',NULL,'nan');
INSERT INTO "metrics" VALUES(1,'tiny',4.94065645841247e-324,'finite');
INSERT INTO "metrics" VALUES(2,'bias',NULL,'-inf');
INSERT INTO "metrics" VALUES(2,'mae',3.00000000000000044408e-01,'finite');
INSERT INTO "metrics" VALUES(2,'mase',NULL,'inf');
INSERT INTO "metrics" VALUES(2,'rmse',NULL,'nan');
INSERT INTO "metrics" VALUES(2,'tiny',4.94065645841247e-324,'finite');
INSERT INTO "metrics" VALUES(3,'bias',NULL,'-inf');
INSERT INTO "metrics" VALUES(3,'mae',3.00000000000000044408e-01,'finite');
INSERT INTO "metrics" VALUES(3,'mase',NULL,'inf');
INSERT INTO "metrics" VALUES(3,'rmse',NULL,'nan');
INSERT INTO "metrics" VALUES(3,'tiny',4.94065645841247e-324,'finite');
CREATE TABLE runners (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	host TEXT NOT NULL, 
	boot_id TEXT NOT NULL, 
	pid_namespace TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	pid_started TEXT NOT NULL, 
	started_at TEXT NOT NULL, 
	heartbeat INTEGER DEFAULT '0' NOT NULL, 
	heartbeat_at TEXT NOT NULL, 
	options TEXT NOT NULL, 
	version TEXT NOT NULL, 
	ended_at TEXT, 
	ending TEXT, command TEXT DEFAULT 'run' NOT NULL, 
	CONSTRAINT ended_with_a_reason CHECK ((ended_at IS NULL) = (ending IS NULL))
);
INSERT INTO "runners" VALUES(1,'a-host','a-boot','',1,'0','2026-01-02T03:04:05.678901Z',0,'2026-01-02T03:04:05.678901Z','{"workers": 1}','0.1.0',NULL,NULL,'run');
INSERT INTO "runners" VALUES(2,'a-host','a-boot','',1,'0','2026-01-02T03:04:05.678901Z',0,'2026-01-02T03:04:05.678901Z','{"seed": 7, "workers": 2}','0.1.0','2026-01-02T03:04:05.678901Z','died','run');
CREATE TABLE settings (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT settings_pkey PRIMARY KEY ("key")
);
INSERT INTO "settings" VALUES('uuid','00000000-0000-4000-8000-000000000000');
CREATE TABLE slice_ledger_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT slice_ledger_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "slice_ledger_version" VALUES('0004');
CREATE TABLE slices (
	position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	database_name TEXT, 
	table_name TEXT, 
	column_name TEXT, 
	file TEXT, 
	train_from TEXT NOT NULL, 
	train_to TEXT NOT NULL, 
	test_from TEXT NOT NULL, 
	test_to TEXT NOT NULL, 
	active_train_from TEXT, 
	active_train_to TEXT, 
	active_test_from TEXT, 
	active_test_to TEXT, 
	extra TEXT, 
	spec_hash TEXT NOT NULL, 
	model_group TEXT, 
	trainer TEXT, 
	params TEXT, 
	status TEXT DEFAULT 'pending' NOT NULL, 
	reason TEXT, 
	priority INTEGER DEFAULT '0' NOT NULL, 
	"deferred" INTEGER DEFAULT '0' NOT NULL, 
	attempt INTEGER DEFAULT '0' NOT NULL, 
	tries INTEGER DEFAULT '0' NOT NULL, 
	crashes INTEGER DEFAULT '0' NOT NULL, 
	not_before TEXT, 
	runner_id INTEGER, 
	champion_id INTEGER, 
	import_id INTEGER NOT NULL, 
	CONSTRAINT slices_champion_id_fkey FOREIGN KEY(champion_id) REFERENCES attempts (id), 
	CONSTRAINT owned_while_running CHECK ((status = 'running') = (runner_id IS NOT NULL)), 
	CONSTRAINT waits_until CHECK ((status = 'waiting') = (not_before IS NOT NULL)), 
	CONSTRAINT known_status CHECK (status IN ('pending', 'running', 'succeeded', 'rejected', 'waiting', 'failed', 'retired')), 
	CONSTRAINT has_a_source CHECK (file IS NOT NULL OR database_name IS NOT NULL), 
	CONSTRAINT slices_import_id_fkey FOREIGN KEY(import_id) REFERENCES imports (id), 
	CONSTRAINT slices_runner_id_fkey FOREIGN KEY(runner_id) REFERENCES runners (id), 
	CONSTRAINT slices_id_key UNIQUE (id)
);
INSERT INTO "slices" VALUES(1,'champion',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','succeeded','new',0,0,1,0,0,NULL,NULL,1,1);
INSERT INTO "slices" VALUES(2,'overtaken',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','failed','manual',0,0,2,1,0,NULL,NULL,2,1);
INSERT INTO "slices" VALUES(3,'rejected',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','rejected','new',0,0,1,0,0,NULL,NULL,NULL,1);
INSERT INTO "slices" VALUES(4,'failed',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','failed','new',0,0,1,1,0,NULL,NULL,NULL,1);
INSERT INTO "slices" VALUES(5,'waiting',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','waiting','new',0,0,1,1,0,'2026-01-03T03:04:05.678901Z',NULL,NULL,1);
INSERT INTO "slices" VALUES(6,'crashed',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','failed','new',0,0,1,0,1,NULL,NULL,NULL,1);
INSERT INTO "slices" VALUES(7,'lost',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','running','interrupted',0,0,2,0,0,NULL,1,NULL,1);
INSERT INTO "slices" VALUES(8,'pending',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','pending','new',0,0,0,0,0,NULL,NULL,NULL,1);
INSERT INTO "slices" VALUES(9,'retired',NULL,NULL,NULL,'series.csv','0','9','10','14',NULL,NULL,NULL,NULL,'{"region": "Öst"}','a8d91def736883e03016a53288efa727','g','seasonal_naive','{"period": "2"}','retired',NULL,0,0,0,0,0,NULL,NULL,NULL,1);
CREATE INDEX slices_pending ON slices ("deferred", priority DESC, position) WHERE status = 'pending';
CREATE INDEX slices_failed ON slices (position) WHERE status = 'failed';
CREATE INDEX slices_rejected ON slices (position) WHERE status = 'rejected';
CREATE INDEX slices_retired ON slices (position) WHERE status = 'retired';
CREATE INDEX slices_running ON slices (runner_id) WHERE status = 'running';
CREATE INDEX slices_succeeded ON slices (position) WHERE status = 'succeeded';
CREATE INDEX slices_waiting ON slices (not_before) WHERE status = 'waiting';
CREATE INDEX drift_checks_of_slice ON drift_checks (slice_id, id);
CREATE VIEW slice_status AS SELECT s.id, s.status, s.reason, s.database_name, s.table_name, s.column_name, s.file, s.model_group, COALESCE(s.active_train_from, s.train_from) AS train_from, COALESCE(s.active_train_to, s.train_to) AS train_to, COALESCE(s.active_test_from, s.test_from) AS test_from, COALESCE(s.active_test_to, s.test_to) AS test_to, s.trainer, s.priority, s.attempt, s.tries, s.crashes, s.not_before, c.number AS champion_attempt, a.outcome AS last_outcome, a.error_type AS last_error_type, a.error_message AS last_error FROM slices s LEFT JOIN attempts a ON a.slice_id = s.id AND a.number = s.attempt LEFT JOIN attempts c ON c.id = s.champion_id;
CREATE VIEW current_metrics AS SELECT s.id AS slice_id, s.database_name, s.table_name, s.column_name, s.file, s.model_group, a.trainer, a.model_used, m.name, m.value, m.kind, a.finished_at AS trained_at FROM slices s JOIN attempts a ON a.id = s.champion_id JOIN metrics m ON m.attempt_id = a.id;
CREATE VIEW attempt_log AS SELECT a.id, a.slice_id, s.database_name, s.table_name, s.column_name, s.file, s.model_group, a.number, a.runner_id, a.outcome, a.reason, a.trainer, a.model_used, a.started_at, a.finished_at, COALESCE(a.load_seconds, 0) + COALESCE(a.fit_seconds, 0) + COALESCE(a.evaluate_seconds, 0) + COALESCE(a.save_seconds, 0) AS seconds, a.train_rows, a.test_rows, a.peak_memory, a.error_type, a.error_message FROM attempts a JOIN slices s ON s.id = a.slice_id;
CREATE VIEW failures AS SELECT s.id AS slice_id, s.status, s.database_name, s.table_name, s.column_name, s.file, s.model_group, s.attempt, s.tries, s.crashes, a.outcome, a.error_type, a.error_message, a.finished_at AS failed_at, CASE WHEN s.champion_id IS NULL THEN 0 ELSE 1 END AS has_champion FROM (SELECT * FROM slices WHERE status = 'failed' UNION ALL SELECT * FROM slices WHERE status = 'waiting') s JOIN attempts a ON a.slice_id = s.id AND a.number = s.attempt;
CREATE VIEW champions AS SELECT s.id AS slice_id, a.number AS attempt, a.trainer, a.model_used, a.finished_at AS trained_at, f.path, f.format, f.bytes, f.sha256 FROM slices s JOIN attempts a ON a.id = s.champion_id LEFT JOIN artifacts f ON f.attempt_id = a.id;
CREATE VIEW drifted AS SELECT d.slice_id, s.database_name, s.table_name, s.column_name, s.file, s.model_group, d.attempt_id, d.run_id, d.verdict, d.reason, d.statistic, d.effect, d.p, d.window_from, d.window_to, d.checked_at FROM drift_checks d JOIN slices s ON s.id = d.slice_id AND s.champion_id = d.attempt_id WHERE d.verdict IN ('suspect', 'drifted', 'common_cause') AND d.id = (SELECT MAX(l.id) FROM drift_checks l WHERE l.slice_id = d.slice_id AND l.attempt_id = d.attempt_id AND l.verdict <> 'insufficient');
CREATE VIEW progress AS SELECT model_group, COUNT(*) AS slices, SUM(CASE WHEN status = 'pending' THEN 1 ELSE 0 END) AS pending, SUM(CASE WHEN status = 'running' THEN 1 ELSE 0 END) AS running, SUM(CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END) AS succeeded, SUM(CASE WHEN status = 'rejected' THEN 1 ELSE 0 END) AS rejected, SUM(CASE WHEN status = 'waiting' THEN 1 ELSE 0 END) AS waiting, SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed, SUM(CASE WHEN status = 'retired' THEN 1 ELSE 0 END) AS retired, AVG(CASE WHEN status IN ('succeeded', 'rejected', 'failed') THEN 1.0 WHEN status <> 'retired' THEN 0.0 END) AS done FROM slices GROUP BY model_group;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('drift_checks',1);
INSERT INTO "sqlite_sequence" VALUES('imports',2);
INSERT INTO "sqlite_sequence" VALUES('slices',9);
INSERT INTO "sqlite_sequence" VALUES('runners',2);
INSERT INTO "sqlite_sequence" VALUES('attempts',9);
INSERT INTO "sqlite_sequence" VALUES('drift_runs',2);
COMMIT;
