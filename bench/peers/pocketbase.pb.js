// Runs inside PocketBase. Its own setting is synchronous=NORMAL, which does not flush every commit.

onBootstrap((e) => {
  e.next()
  e.app.nonconcurrentDB().newQuery("PRAGMA synchronous = FULL").execute()
})

// PocketBase closes a connection that has been idle for some minutes, and the next one is NORMAL again: so it is set
// again before each measurement, and what is answered is read from the connection that writes.
routerAdd("GET", "/bench/tell", (e) => {
  const writer = $app.nonconcurrentDB()
  writer.newQuery("PRAGMA synchronous = FULL").execute()
  const flushing = new DynamicModel({ synchronous: -1 })
  writer.newQuery("PRAGMA synchronous").one(flushing)
  const journal = new DynamicModel({ journal_mode: "" })
  writer.newQuery("PRAGMA journal_mode").one(journal)
  return e.json(200, { synchronous: flushing.synchronous, journal_mode: journal.journal_mode })
})

// The least that does it in one request: a key, find by e-mail, save, all in PocketBase's own process.
routerAdd("POST", "/bench/save", (e) => {
  if (!$security.equal(e.request.header.get("Api-Key"), $os.getenv("BENCH_TOKEN"))) {
    throw new UnauthorizedError()
  }
  const said = e.requestInfo().body
  let record
  try {
    record = $app.findFirstRecordByData("attendees", "email", said.email)
  } catch {
    record = new Record($app.findCollectionByNameOrId("attendees"))
  }
  record.load(said)
  $app.save(record)
  return e.json(200, { id: record.id })
})
