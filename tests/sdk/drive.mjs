// Zoho's official Node SDK makes every call of the list, and says of each what came back, one JSON line a call.
//
// What to call comes as JSON on the standard input: where Zoho is, or where the connector is that stands before it.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const plan = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(join(plan.modules, "package.json"));
const sdk = await import(pathToFileURL(require.resolve("@zohocrm/nodejs-sdk-8.0")).href);

/** A key of the connector in place of Zoho's token, and the connector's address of the call. */
class ServiceKey extends sdk.OAuthToken {
  constructor() {
    super(null, null, null, null, null, null, plan.key, null, false);
  }
  async authenticate(connection) {
    connection.headers.set("Authorization", `Bearer ${plan.key}`);
    connection.url = connection.url.replace("/crm/v8/", "/crm/");
    if (this.previews && connection.requestMethod === "DELETE") {
      const headers = { Authorization: `Bearer ${plan.key}` };
      const shown = await fetch(`${connection.url}?dry_run=true`, { method: "DELETE", headers });
      connection.headers.set("Idempotency-Key", (await shown.json()).preview_id);
    }
  }
  async generateToken() {}
}

async function start(token) {
  const config = new sdk.SDKConfigBuilder().autoRefreshFields(false).pickListValidation(true).updateAPIDomain(false).build();
  const builder = await new sdk.InitializeBuilder();
  builder.environment(new sdk.Environment(plan.api, plan.accounts, plan.api)).token(token).SDKConfig(config);
  builder.store(new sdk.FileStore(join(plan.folder, "tokens.txt"))).resourcePath(`${plan.folder}/`); // it forgets the slash in places
  await builder.initialize();
}

const params = async (...pairs) => {
  const map = new sdk.ParameterMap();
  for (const [param, value] of pairs) await map.add(param, value);
  return map;
};
const text = (value) => (value instanceof sdk.Choice ? value.getValue() : value);

/** The status, and what the answer says in the SDK's own classes. */
function told(response) {
  if (response == null) return "no answer that the SDK could read";
  const words = [String(response.getStatusCode())];
  const body = response.getObject();
  if (body == null) return words.join(" ");
  for (const getter of ["getData", "getFields", "getRelatedLists", "getModules", "getWatch"]) {
    if (typeof body[getter] !== "function") continue;
    const rows = body[getter]();
    words.push(`${rows.length} ${getter.slice(3).replace(/(?!^)[A-Z]/g, "_$&").toLowerCase()}`);
    for (const row of rows) if (typeof row.getCode === "function") words.push(text(row.getCode()));
    break;
  }
  if (typeof body.getCount === "function") words.push(`count ${body.getCount()}`);
  if (typeof body.getCode === "function") words.push(text(body.getCode()));
  return words.join(" ");
}

/** Makes a call, and gives what the SDK made of the answer. */
async function call(name, act) {
  let made = null;
  let outcome;
  try {
    made = await act();
    outcome = typeof made === "string" ? made : told(made);
  } catch (error) {
    // It knows `application/json` and no problem documents.
    const unread = /getWrappedResponse/.test(`${error.message}${error.cause}`);
    outcome = unread ? "a problem, not read" : `${error.name}: ${error.message}`;
  }
  process.stdout.write(`${JSON.stringify({ call: name, outcome })}\n`);
  return made;
}

function record(fields) {
  const made = new sdk.Record.Record();
  for (const [name, value] of Object.entries(fields)) made.addKeyValue(name, value);
  return made;
}

function body(fields, check) {
  const made = new sdk.Record.BodyWrapper();
  made.setData([record(fields)]);
  if (check) made.setDuplicateCheckFields(check);
  return made;
}

async function records() {
  const { RecordOperations, GetRecordsParam, SearchRecordsParam } = sdk.Record;
  const deals = new RecordOperations("Deals");
  const none = () => new sdk.HeaderMap();
  await call("list", async () =>
    deals.getRecords(await params([GetRecordsParam.FIELDS, "Deal_Name,Stage,Amount,Owner,Account_Name"]), none()),
  );
  await call("one", async () => deals.getRecord(6100000000451001n, await params(), none()));
  await call("count", async () => deals.recordCount(await params()));
  await call("search", async () => deals.searchRecords(await params([SearchRecordsParam.WORD, "showroom"]), none()));
  await call("search by criteria", async () =>
    deals.searchRecords(await params([SearchRecordsParam.CRITERIA, "(Stage:equals:Qualification)"]), none()),
  );
  const deal = { Deal_Name: "SDK Node", Stage: new sdk.Choice("Qualification"), Amount: 12.5 };
  const created = await call("create", () => deals.createRecords(body(deal), none()));
  let made = 6100000000451001n;
  try {
    made = BigInt(created.getObject().getData()[0].getDetails().get("id"));
  } catch {
    // It was not created: the others go on with a deal that is there.
  }
  await call("update", () => deals.updateRecord(made, body({ Next_Step: "Call" }), none()));
  // An id inside the record goes out as a JSON number.
  const several = new sdk.Record.BodyWrapper();
  const numbered = record({ Next_Step: "Call again" });
  numbered.setId(made);
  several.setData([numbered]);
  await call("update several", () => deals.updateRecords(several, none()));
  await call("upsert", () =>
    deals.upsertRecords(body({ ...deal, External_Order_ID: "SDK-N" }, ["External_Order_ID"]), none()),
  );
  const long = { Deal_Name: "x".repeat(121), Stage: new sdk.Choice("Qualification") };
  await call("create refused", () => deals.createRecords(body(long), none()));
  return [deals, made];
}

async function notes(deal) {
  const operations = new sdk.Notes.NotesOperations();
  const note = new sdk.Notes.Note();
  const parent = new sdk.Notes.ParentId();
  const module = new sdk.Modules.MinifiedModule();
  note.setNoteContent("From the Node SDK");
  module.setAPIName("Deals");
  parent.setModule(module);
  parent.setId(deal);
  note.setParentId(parent);
  const wrapper = new sdk.Notes.BodyWrapper();
  wrapper.setData([note]);
  await call("note", () => operations.createNotes(wrapper));
  const fields = "Note_Title,Note_Content,Parent_Id";
  await call("notes", async () =>
    operations.getNotes(await params([sdk.Notes.GetNotesParam.FIELDS, fields]), new sdk.HeaderMap()),
  );
  const { RelatedRecordsOperations, GetRelatedRecordsParam } = sdk.RelatedRecords;
  const below = new RelatedRecordsOperations("Notes", "Deals");
  await call("notes of a deal", async () =>
    below.getRelatedRecords(deal, await params([GetRelatedRecordsParam.FIELDS, "Note_Title,Note_Content"]), new sdk.HeaderMap()),
  );
  const deals = new RelatedRecordsOperations("Deals", "Accounts");
  await call("deals of an account", async () =>
    deals.getRelatedRecords(6100000000440011n, await params([GetRelatedRecordsParam.FIELDS, "Deal_Name"]), new sdk.HeaderMap()),
  );
}

async function queries() {
  const ask = (query) => {
    const wrapper = new sdk.Coql.BodyWrapper();
    wrapper.setSelectQuery(query);
    return new sdk.Coql.CoqlOperations().getRecords(wrapper);
  };
  await call("COQL", () => ask("select Deal_Name, Stage from Deals where Amount > 1 limit 3"));
  await call("COQL with COUNT", () =>
    ask("select Stage, COUNT(id) as deals from Deals where id is not null group by Stage"),
  );
  await call("COQL refused", () => ask("select Deal_Name from Deals"));
}

async function settings() {
  const fields = new sdk.Fields.FieldsOperations();
  await call("fields", async () => fields.getFields(await params([sdk.Fields.GetFieldsParam.MODULE, "Deals"])));
  await call("one field", async () =>
    fields.getField(6100000000002501n, await params([sdk.Fields.GetFieldParam.MODULE, "Deals"])),
  );
  const lists = new sdk.RelatedLists.RelatedListsOperations();
  await call("related lists", async () =>
    lists.getRelatedLists(await params([sdk.RelatedLists.GetRelatedListsParam.MODULE, "Accounts"])),
  );
  await call("modules", async () => new sdk.Modules.ModulesOperations().getModules(await params(), new sdk.HeaderMap()));
}

async function watch() {
  const { NotificationsOperations, Notification, BodyWrapper, DeleteNotificationParam } = sdk.Notifications;
  const operations = new NotificationsOperations();
  const one = new Notification();
  one.setChannelId("1000000068002");
  one.setEvents(["Deals.all"]);
  one.setToken("for the SDK");
  one.setNotifyUrl("https://hooks.example.com/crm");
  const wrapper = new BodyWrapper();
  wrapper.setWatch([one]);
  await call("watch", () => operations.enableNotifications(wrapper));
  await call("watched", async () => operations.getNotifications(await params()));
  await call("watch no more", async () =>
    operations.deleteNotification(await params([DeleteNotificationParam.CHANNEL_IDS, "1000000068002"])),
  );
}

let token;
if (!plan.key) {
  token = new sdk.OAuthBuilder().clientId(plan.client_id).clientSecret(plan.client_secret).grantToken(plan.code).build();
  await call("exchange", async () => {
    await start(token);
    return token.getAccessToken() && token.getRefreshToken() ? "a token" : "no token";
  });
  await call("refresh", async () => {
    const before = token.getAccessToken();
    await token.refreshAccessToken(token, plan.accounts);
    return ![null, undefined, before].includes(token.getAccessToken()) ? "another token" : "no other token";
  });
} else {
  token = new ServiceKey();
  await start(token);
}
const [deals, made] = await records();
await notes(made);
await queries();
await settings();
await watch();
await call("delete", async () => deals.deleteRecord(made, await params(), new sdk.HeaderMap()));
if (plan.key) {
  token.previews = true;
  await call("delete after a preview", async () => deals.deleteRecord(made, await params(), new sdk.HeaderMap()));
} else {
  await call("delete again", async () => deals.deleteRecord(made, await params(), new sdk.HeaderMap()));
}
if (!plan.key) {
  await call("revoke", async () =>
    (await token.revokeRefreshToken(token.getRefreshToken(), `${plan.accounts}/revoke`)) ? "done" : "not done",
  );
  await call("list after that", async () =>
    deals.getRecords(await params([sdk.Record.GetRecordsParam.FIELDS, "Deal_Name"]), new sdk.HeaderMap()),
  );
}
process.exit(0);
