//! What a route says of itself, as plain data: made where the route is, read by the OpenAPI document.

use serde_json::{Value, json};
use shared::base::problem::Code;
pub use shared::zoho::api_path::Verb;
use shared::zoho::scope::{Access, Product};

use crate::openapi::schema;
use crate::openapi::schema::Shape;

/// What a call needs and how it fails, as far as that is the same for all calls of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// No key.
    Open,
    /// A key, whatever it may do, and nothing of Zoho.
    Key,
    /// A key with one of these permissions, and a connection; nothing of Zoho.
    Own(&'static [&'static str]),
    /// A call to Zoho that changes nothing.
    Read(Product),
    /// A call passed through, which the key's patterns must allow: a read, or a safe write.
    Pass(Verb),
    /// A safe write: `dry_run`, `Idempotency-Key`, the preview and its refusals go with it.
    Write(Product, Access),
    /// A step of a longer piece of work with calls to Zoho: who sends it again goes on with it.
    Work(Product, Access),
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are their own names")]
pub enum ParameterIn {
    Path,
    Query,
    Header,
}

/// A parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub parameter_in: ParameterIn,
    /// What it does.
    pub description: String,
    /// Which values it takes.
    pub schema: Value,
    /// One of them. Ids are those of the stand-in Zoho.
    pub example: Value,
    /// Whether it must be there.
    pub required: bool,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub struct Body {
    /// Which JSON it takes.
    pub shape: Shape,
    /// One of them.
    pub example: Value,
}

/// An answer of success.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What it is.
    pub description: String,
    /// Its body; none where there is none.
    pub shape: Option<Shape>,
    /// The other types in which it can be asked for.
    pub other_types: &'static [&'static str],
}

/// A method on a path.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its method; given by the route.
    pub verb: Verb,
    /// Its path; given by the route.
    pub path: String,
    /// Its name for machines.
    pub id: String,
    /// Its chapter.
    pub tag: &'static str,
    /// What it does, in a few words.
    pub summary: String,
    /// What an agent should know before it calls.
    pub description: String,
    /// What it needs.
    pub way: Way,
    /// The scopes of Zoho without which it can give nothing.
    pub scopes: Vec<&'static str>,
    /// Its own parameters: those of its [`Way`] come on top.
    pub parameters: Vec<Parameter>,
    /// What it takes.
    pub body: Option<Body>,
    /// How it succeeds.
    pub answers: Vec<Answer>,
    /// How it fails, beyond what all of its [`Way`] do.
    pub codes: Vec<Code>,
    /// Whether it takes and gives whatever Zoho does.
    pub raw: bool,
    /// Other media types that it takes, each with an example.
    pub also_takes: Vec<(&'static str, &'static str)>,
}

impl Operation {
    fn new(way: Way, tag: &'static str, id: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            verb: Verb::Get,
            path: String::new(),
            id: id.into(),
            tag,
            summary: summary.into(),
            description: String::new(),
            way,
            scopes: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            codes: Vec::new(),
            raw: false,
            also_takes: Vec::new(),
        }
    }

    /// Puts it into another chapter.
    pub(crate) fn tagged(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// Takes its body in another media type, too.
    pub(crate) fn takes_also(mut self, media_type: &'static str, example: &'static str) -> Self {
        self.also_takes.push((media_type, example));
        self
    }

    /// Needs no key.
    pub(crate) fn open(id: &'static str, summary: &'static str) -> Self {
        Self::new(Way::Open, "Connector", id, summary)
    }

    /// Needs any key.
    pub(crate) fn key(id: &'static str, summary: &'static str) -> Self {
        Self::new(Way::Key, "Connector", id, summary)
    }

    /// Needs one of these permissions; answered from our own store.
    pub(crate) fn own(permissions: &'static [&'static str], id: &'static str, summary: &'static str) -> Self {
        Self::new(Way::Own(permissions), "Connector", id, summary)
    }

    /// Reads from Zoho.
    pub(crate) fn read(product: Product, id: impl Into<String>, summary: impl Into<String>) -> Self {
        Self::new(Way::Read(product), tag(product), id, summary)
    }

    /// Passes a call through.
    pub(crate) fn pass(verb: Verb, id: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { raw: true, ..Self::new(Way::Pass(verb), "Pass-through", id, summary) }
    }

    /// Writes to Zoho, by way of `App::perform`.
    pub(crate) fn write(
        product: Product,
        access: Access,
        id: impl Into<String>,
        summary: impl Into<String>,
    ) -> Self {
        Self::new(Way::Write(product, access), tag(product), id, summary)
    }

    /// Goes on with a longer piece of work.
    pub(crate) fn work(
        product: Product,
        access: Access,
        id: impl Into<String>,
        summary: impl Into<String>,
    ) -> Self {
        Self::new(Way::Work(product, access), tag(product), id, summary)
    }

    /// Needs these scopes of Zoho, all of them.
    pub(crate) fn scopes(mut self, scopes: &[&'static str]) -> Self {
        self.scopes.extend_from_slice(scopes);
        self
    }

    /// What an agent should know before it calls; sentences.
    pub(crate) fn about(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    fn with(
        mut self,
        parameter_in: ParameterIn,
        name: &'static str,
        description: impl Into<String>,
        schema: Value,
        example: impl Into<Value>,
    ) -> Self {
        let (description, example) = (description.into(), example.into());
        let required = parameter_in == ParameterIn::Path;
        self.parameters.push(Parameter { name, parameter_in, description, schema, example, required });
        self
    }

    /// A parameter in the path.
    pub(crate) fn path(
        self,
        name: &'static str,
        description: impl Into<String>,
        schema: Value,
        example: impl Into<Value>,
    ) -> Self {
        self.with(ParameterIn::Path, name, description, schema, example)
    }

    /// An id of Zoho's in the path.
    pub(crate) fn id(self, name: &'static str, example: &'static str) -> Self {
        self.path(name, "Zoho's id of the record, as a read gives it.", schema::id(), example)
    }

    /// A parameter in the query.
    pub(crate) fn query(
        self,
        name: &'static str,
        description: impl Into<String>,
        schema: Value,
        example: impl Into<Value>,
    ) -> Self {
        self.with(ParameterIn::Query, name, description, schema, example)
    }

    /// A write that takes `fields`.
    pub(crate) fn with_fields(self, example: &'static str) -> Self {
        let about = "Of the written record, only these fields, separated by commas. Its id, `untrusted`, `lines` of ours and what is to \
                     be known of the write are always there. A preview is always whole.";
        self.query("fields", about, json!({ "type": "string" }), example)
    }

    /// The last parameter must be there.
    pub(crate) fn required(mut self) -> Self {
        if let Some(parameter) = self.parameters.last_mut() {
            parameter.required = true;
        }
        self
    }

    /// A header.
    pub(crate) fn header(
        self,
        name: &'static str,
        description: impl Into<String>,
        schema: Value,
        example: impl Into<Value>,
    ) -> Self {
        self.with(ParameterIn::Header, name, description, schema, example)
    }

    /// The pages of a list.
    pub(crate) fn pages(self) -> Self {
        let rows = json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 200 });
        self.query("per_page", "The most rows that this call gives.", rows, 3).query(
            "cursor",
            "Where the list goes on. Take it from `next`, which is called as it stands.",
            schema::text(),
            Value::Null,
        )
    }

    /// The choice of fields.
    pub(crate) fn fields(self, example: &'static str) -> Self {
        let about = "Only these fields, separated by commas. The id and `untrusted` are always there.";
        self.query("fields", about, json!({ "type": "string" }), example)
    }

    /// The body that it takes.
    pub(crate) fn takes(mut self, shape: impl Into<Shape>, example: Value) -> Self {
        self.body = Some(Body { shape: shape.into(), example });
        self
    }

    /// The same answer in these types, too.
    pub(crate) fn also_as(mut self, types: &'static [&'static str]) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.other_types = types;
        }
        self
    }

    /// An answer of success.
    pub(crate) fn answers(mut self, status: u16, text: impl Into<String>, shape: impl Into<Shape>) -> Self {
        let shape = Some(shape.into());
        self.answers.push(Answer { status, description: text.into(), shape, other_types: &[] });
        self
    }

    /// An answer of success without a body.
    pub(crate) fn answers_empty(mut self, status: u16, text: impl Into<String>) -> Self {
        self.answers.push(Answer { status, description: text.into(), shape: None, other_types: &[] });
        self
    }

    /// Failures of its own.
    pub(crate) fn fails(mut self, codes: &[Code]) -> Self {
        self.codes.extend_from_slice(codes);
        self
    }
}

const fn tag(product: Product) -> &'static str {
    match product {
        Product::Inventory => "Inventory",
        Product::Crm => "CRM",
    }
}
