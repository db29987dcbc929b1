BEGIN TRANSACTION;
CREATE TABLE addresses (
	event_id TEXT NOT NULL, 
	address TEXT NOT NULL, 
	attendee_id TEXT NOT NULL, 
	PRIMARY KEY (event_id, address, attendee_id)
)
 WITHOUT ROWID

;
INSERT INTO "addresses" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','jane.roe@example.com','att_01a221c7147a7dbaa5073f8d9a65dee6');
INSERT INTO "addresses" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','john.doe@example.com','att_01a221c7147a7dbaa5073f8d9a65dee5');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE attendees (
	event_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	email_key TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	company_key TEXT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (event_id, id)
);
INSERT INTO "attendees" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','att_01a221c7147a7dbaa5073f8d9a65dee5','attending','john.doe@example.com','john','example',1795863024764129,'{"id":"att_01a221c7147a7dbaa5073f8d9a65dee5","status":"attending","profile":{"email":["john.doe@example.com",1,1,1795863024764129],"firstName":["John",1,1,1795863024761930],"title":["CEO",3,1,1795863024763243],"company":["Example",4,2,1795863024764129],"thirdPartyId":["17",4,2,1795863024764129]},"custom_fields":{},"unknown_fields":{},"parts":{"1":{"groups":[[1],1,1,1795863024761930],"expects":[true,1,1,1795863024763243],"last":["psh_01a221c7147b7a4db1808c87f7d74c80","e14fa33cf33666ff0f0f305388195d77"]},"2":{"groups":[[2],4,2,1795863024764129],"expects":[true,4,2,1795863024764129],"third_party_id":["17",4,2,1795863024764129],"last":["psh_01a221c7147c7273822731f3ce74c96d","9805351c165e63349cd985e0c1aa0013"]}},"created_at":1795863024761930,"updated_at":1795863024764129,"sequence":4}');
INSERT INTO "attendees" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','att_01a221c7147a7dbaa5073f8d9a65dee6','attending','jane.roe@example.com','jane','',1795863024765083,'{"id":"att_01a221c7147a7dbaa5073f8d9a65dee6","status":"attending","profile":{"email":["jane.roe@example.com",2,1,1795863024765830],"firstName":["Jane",2,1,1795863024761930],"title":["Engineer",5,1,1795863024765830]},"custom_fields":{},"unknown_fields":{},"parts":{"1":{"expects":[true,2,1,1795863024765830],"last":["psh_01a221c7147c7833bc8107511aebe2d8","7acbf5a520e7e1f1b3f43ae017a6d074"]}},"created_at":1795863024761930,"updated_at":1795863024765083,"sequence":5}');
CREATE TABLE bodies (
	event_id TEXT NOT NULL, 
	push_id TEXT NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (event_id, push_id)
)
 WITHOUT ROWID

;
INSERT INTO "bodies" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c71479749eb9ea08bca9857298','{"profile": {"email": "john.doe@example.com", "firstName": "John", "title": "CTO"}, "eventInfo": {"groups": {"groupNames": ["Speakers"]}}}');
INSERT INTO "bodies" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c714797e53a0028c18c537de6b','{"profile": {"email": "jane.roe@example.com", "firstName": "Jane"}}');
INSERT INTO "bodies" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c7147b7a4db1808c87f7d74c80','{"profile": {"email": "john.doe@example.com", "title": "CEO"}}');
INSERT INTO "bodies" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c7147c7273822731f3ce74c96d','{"profile": {"email": "john.doe@example.com", "company": "Example", "thirdPartyId": "17"}, "eventInfo": {"groups": {"groupNames": ["Press"]}}}');
INSERT INTO "bodies" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c7147c7833bc8107511aebe2d8','{"profile": {"email": "jane.roe@example.com", "title": "Engineer"}}');
INSERT INTO "bodies" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c7147c7ad6b190fcc80ac63e92','{"profile": {"email": "nobody"}}');
CREATE TABLE changes (
	event_id TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	true_at BIGINT NOT NULL, 
	attendee_id TEXT, 
	email TEXT, 
	push_id TEXT, 
	source_number BIGINT, 
	actor TEXT, 
	entries TEXT NOT NULL, 
	PRIMARY KEY (event_id, sequence)
)
 WITHOUT ROWID

;
INSERT INTO "changes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',1,'created',1795863024761930,1795863024761930,'att_01a221c7147a7dbaa5073f8d9a65dee5','john.doe@example.com','psh_01a221c71479749eb9ea08bca9857298',1,'test','[["profile","email",null,"john.doe@example.com",null],["profile","firstName",null,"John",null],["profile","title",null,"CTO",null],["part_groups",1,[],[1],null],["part_expects",1,false,true,null],["groups",null,[],[1],null]]');
INSERT INTO "changes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',2,'created',1795863024761930,1795863024761930,'att_01a221c7147a7dbaa5073f8d9a65dee6','jane.roe@example.com','psh_01a221c714797e53a0028c18c537de6b',1,'test','[["profile","email",null,"jane.roe@example.com",null],["profile","firstName",null,"Jane",null],["part_expects",1,false,true,null]]');
INSERT INTO "changes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',3,'updated',1795863024763243,1795863024763243,'att_01a221c7147a7dbaa5073f8d9a65dee5','john.doe@example.com','psh_01a221c7147b7a4db1808c87f7d74c80',1,'test','[["profile","title","CTO","CEO",1]]');
INSERT INTO "changes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',4,'updated',1795863024764129,1795863024764129,'att_01a221c7147a7dbaa5073f8d9a65dee5','john.doe@example.com','psh_01a221c7147c7273822731f3ce74c96d',2,'test','[["profile","thirdPartyId",null,"17",null],["profile","company",null,"Example",null],["part_id",2,null,"17",null],["part_groups",2,[],[2],null],["part_expects",2,false,true,null],["groups",null,[1],[1,2],null]]');
INSERT INTO "changes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',5,'updated',1795863024765083,1795863024765083,'att_01a221c7147a7dbaa5073f8d9a65dee6','jane.roe@example.com','psh_01a221c7147c7833bc8107511aebe2d8',1,'test','[["profile","title",null,"Engineer",null]]');
CREATE TABLE clocks (
	event_id TEXT NOT NULL, 
	last_sequence BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	PRIMARY KEY (event_id)
);
INSERT INTO "clocks" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',5,1795863024765830,4);
CREATE TABLE events (
	id TEXT NOT NULL, 
	slug TEXT NOT NULL, 
	host TEXT, 
	name TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	time_zone TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	archived_at BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "events" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','spring',NULL,'Spring','{"null":"keep","blank":"clear","groups":"source","lists":"none","status_codes":"seed","mode":"live"}','UTC',1795863024757790,NULL);
CREATE TABLE idempotency (
	event_id TEXT NOT NULL, 
	source_number BIGINT NOT NULL, 
	"key" TEXT NOT NULL, 
	item INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (event_id, source_number, "key", item)
);
CREATE TABLE keys (
	event_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	source_number BIGINT, 
	scope TEXT NOT NULL, 
	label TEXT NOT NULL, 
	digest BLOB NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	revoked_at BIGINT, 
	last_used_at BIGINT, 
	PRIMARY KEY (event_id, id)
);
INSERT INTO "keys" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','key_01a221c71476751694a4791132a7b938',1,'push','main',X'A21A125A17A2C68AF7F7DE8F89F406FFD4299C13B83CB8FE9D037483C0DFF4AC',1795863024758527,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','key_01a221c714787552814a551e3f623a3d',2,'push','Shop',X'9DEA87C424ED55C758E08FE82D9F6FDD01BB7B182D92A6B62EDF9F97CB038FE5',1795863024760220,NULL,NULL,NULL);
CREATE TABLE memberships (
	event_id TEXT NOT NULL, 
	group_number BIGINT NOT NULL, 
	attendee_id TEXT NOT NULL, 
	PRIMARY KEY (event_id, group_number, attendee_id)
)
 WITHOUT ROWID

;
INSERT INTO "memberships" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',1,'att_01a221c7147a7dbaa5073f8d9a65dee5');
INSERT INTO "memberships" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',2,'att_01a221c7147a7dbaa5073f8d9a65dee5');
CREATE TABLE names (
	event_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	first_source BIGINT, 
	staff_only BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (event_id, kind, number)
);
INSERT INTO "names" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','group',1,'grp_01a221c7147a7dbaa5073f8d9a65dee4','Speakers',1,0,1795863024761930);
INSERT INTO "names" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','group',2,'grp_01a221c7147c7833bc8107511aebe2d7','Press',2,0,1795863024764129);
CREATE TABLE probe (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE pushes (
	event_id TEXT NOT NULL, 
	id TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	source_number BIGINT NOT NULL, 
	key_id TEXT, 
	actor TEXT, 
	result TEXT NOT NULL, 
	dry_run BOOLEAN NOT NULL, 
	email TEXT, 
	attendee_id TEXT, 
	sequence BIGINT, 
	observed_at BIGINT, 
	replay_of TEXT, 
	repeats BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	warnings TEXT, 
	failure TEXT, 
	PRIMARY KEY (event_id, id)
)
 WITHOUT ROWID

;
INSERT INTO "pushes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c71479749eb9ea08bca9857298',1795863024761930,1,NULL,'test','created',0,'john.doe@example.com','att_01a221c7147a7dbaa5073f8d9a65dee5',1,NULL,NULL,0,1795863024761930,NULL,NULL);
INSERT INTO "pushes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c714797e53a0028c18c537de6b',1795863024761930,1,NULL,'test','created',0,'jane.roe@example.com','att_01a221c7147a7dbaa5073f8d9a65dee6',2,NULL,NULL,0,1795863024761930,NULL,NULL);
INSERT INTO "pushes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c7147b7a4db1808c87f7d74c80',1795863024763243,1,NULL,'test','updated',0,'john.doe@example.com','att_01a221c7147a7dbaa5073f8d9a65dee5',3,NULL,NULL,0,1795863024763243,NULL,NULL);
INSERT INTO "pushes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c7147c7273822731f3ce74c96d',1795863024764129,2,NULL,'test','updated',0,'john.doe@example.com','att_01a221c7147a7dbaa5073f8d9a65dee5',4,NULL,NULL,0,1795863024764129,NULL,NULL);
INSERT INTO "pushes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c7147c7833bc8107511aebe2d8',1795863024765083,1,NULL,'test','updated',0,'jane.roe@example.com','att_01a221c7147a7dbaa5073f8d9a65dee6',5,NULL,NULL,1,1795863024765830,NULL,NULL);
INSERT INTO "pushes" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','psh_01a221c7147c7ad6b190fcc80ac63e92',1795863024765083,1,NULL,'test','failed',0,NULL,NULL,NULL,NULL,NULL,0,1795863024765083,NULL,'{"code":"invalid_push","detail":"profile.email is \"nobody\", which is not an e-mail address: it has no @.","errors":[{"path":"profile.email","code":"invalid_email","message":"profile.email is \"nobody\", which is not an e-mail address: it has no @.","help":"Send an address such as john.doe@example.com."}]}');
CREATE TABLE refusals (
	event_id TEXT NOT NULL, 
	address TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	count BIGINT NOT NULL, 
	first_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	PRIMARY KEY (event_id, address, key_id)
);
CREATE TABLE sources (
	event_id TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	spelling TEXT NOT NULL, 
	policy TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (event_id, number)
);
INSERT INTO "sources" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',1,'src_01a221c71476751694a4791132a7b937','main','main','{}',1795863024758385);
INSERT INTO "sources" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',2,'src_01a221c714787552814a551e3f623a3c','Shop','shop','{}',1795863024760148);
CREATE TABLE spellings (
	event_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	spelling TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	PRIMARY KEY (event_id, kind, spelling)
)
 WITHOUT ROWID

;
INSERT INTO "spellings" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','group','press',2);
INSERT INTO "spellings" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6','group','speakers',1);
CREATE TABLE third_party_ids (
	event_id TEXT NOT NULL, 
	source_number BIGINT NOT NULL, 
	third_party_id TEXT NOT NULL, 
	attendee_id TEXT NOT NULL, 
	PRIMARY KEY (event_id, source_number, third_party_id, attendee_id)
)
 WITHOUT ROWID

;
INSERT INTO "third_party_ids" VALUES('evt_01a221c7147571a8b3cf5eedd024edc6',2,'17','att_01a221c7147a7dbaa5073f8d9a65dee5');
CREATE UNIQUE INDEX events_host ON events (host);
CREATE UNIQUE INDEX events_slug ON events (slug);
CREATE UNIQUE INDEX sources_spelling ON sources (event_id, spelling);
CREATE INDEX changes_attendee ON changes (event_id, attendee_id, sequence);
CREATE INDEX pushes_source ON pushes (event_id, source_number, id);
CREATE INDEX pushes_failed ON pushes (event_id, id) WHERE result = 'failed';
CREATE INDEX idempotency_created ON idempotency (created_at);
COMMIT;
