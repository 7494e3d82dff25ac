//! Who calls what, and what befalls a call: the one place that decides it.

use std::collections::BTreeSet;
use std::future::{pending, poll_fn};
use std::sync::{Mutex, MutexGuard};
use std::task::Poll;

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::kinds::{Fault, HALF_A_MINUTE, Span};

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Receives people from Zoho.
    OauthCallback,
    /// Writes tokens.
    TokenRefresh,
    /// Serves agents.
    ApiProxy,
    /// Receives webhooks.
    WebhookIntake,
    /// Tells the agent.
    EventDelivery,
    /// The test itself, which nothing befalls.
    Outside,
}

impl Function {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OauthCallback => "oauth-callback",
            Self::TokenRefresh => "token-refresh",
            Self::ApiProxy => "api-proxy",
            Self::WebhookIntake => "webhook-intake",
            Self::EventDelivery => "event-delivery",
            Self::Outside => "outside",
        }
    }
}

/// Who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Zoho's accounts server.
    Accounts,
    /// Zoho's API.
    Api,
    /// The agent's hook.
    Hook,
    /// Secrets Manager, or the embedded store.
    Secrets,
    /// `DynamoDB`, or the embedded store.
    Table,
    /// Lambda, or a call within `serve`.
    Invoke,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Accounts, Self::Api, Self::Hook, Self::Secrets, Self::Table, Self::Invoke];

    /// Those of AWS.
    pub const AWS: [Self; 3] = [Self::Secrets, Self::Table, Self::Invoke];

    fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Api => "API",
            Self::Hook => "hook",
            Self::Secrets => "Secrets Manager",
            Self::Table => "DynamoDB",
            Self::Invoke => "Lambda",
        }
    }
}

/// A kind of call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Who calls.
    pub function: Function,
    /// Who is called.
    pub service: Service,
    /// What for, without ids.
    pub what: String,
    /// Whether it changes something.
    pub writes: bool,
}

impl Call {
    /// The head of its row.
    pub fn name(&self) -> String {
        format!("{}, {}: {}", self.function.name(), self.service.name(), self.what)
    }

    /// Why a fault cannot befall it, as a letter of [`REASONS`]; nothing where it can.
    pub fn impossible(&self, fault: Fault) -> Option<char> {
        match (fault, self.service, self.writes) {
            (Fault::Duplicate, Service::Accounts | Service::Api | Service::Hook, true) => Some('a'),
            (Fault::Duplicate, Service::Secrets | Service::Table, true) => Some('b'),
            (Fault::Duplicate, Service::Invoke, _) => Some('c'),
            _ => None,
        }
    }
}

/// Where the stores are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the cloud, as its stores behave: in memory.
    Cloud,
    /// On one machine, in a file of SQLite.
    File,
}

impl Place {
    /// Whether a fault can befall a call here. A file is locked for too long, or its disk fails; and a call to token-refresh within
    /// `serve` has no way to fail on.
    pub fn has(self, call: &Call, fault: Fault) -> bool {
        match (self, call.service) {
            (Self::File, Service::Invoke) => false,
            (Self::File, Service::Secrets | Service::Table) => {
                matches!(fault, Fault::Slow | Fault::ResetBefore)
            }
            _ => true,
        }
    }
}

/// Why a fault cannot befall a call, by the letter that stands in the cell.
pub const REASONS: [(char, &str); 3] = [
    (
        'a',
        "a write, a form and a message to the hook go over a connection of their own and are never sent again by the client, so that \
         none arrives twice. The connector's own second message to a hook has the first one's key and bytes",
    ),
    (
        'b',
        "the SDK may send a write again, but the version or the token in it is the same, so that the second changes nothing \
         (`tests/src/conformance.rs` and `tests/it/unkind.rs` try this on the emulator)",
    ),
    ('c', "the SDK's repetitions are turned off for invocations"),
];

/// Which calls a trouble befalls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Those of one kind.
    Call(Call),
    /// All calls to these services.
    To(Vec<Service>),
    /// All writes to the stores.
    StoreWrites,
}

impl Target {
    fn is_hit(&self, call: &Call) -> bool {
        match self {
            Self::Call(wanted) => wanted == call,
            Self::To(services) => services.contains(&call.service),
            Self::StoreWrites => call.writes && matches!(call.service, Service::Secrets | Service::Table),
        }
    }
}

/// What befalls which calls, and how long.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// Which.
    pub target: Target,
    /// What.
    pub fault: Fault,
    /// How long.
    pub span: Span,
}

/// What is counted until a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Its calls: the beginning of each, and the moment before it hears of its end.
    Calls,
    /// The polls of its future, and of its calls, also where they belong to work that it runs on beside.
    Polls,
}

/// A process of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Of which.
    pub function: Function,
    number: usize,
}

/// Where all calls pass.
#[derive(Default)]
pub struct Switchboard {
    board: Mutex<Board>,
    died: Notify,
}

#[derive(Default)]
struct Board {
    trouble: Option<Trouble>,
    began: Option<Instant>,
    has_fallen: bool,
    made: BTreeSet<Call>,
    processes: Vec<Process>,
    dead: BTreeSet<Process>,
    /// Whose processes die after how many more of what is counted.
    death: Option<(Function, Count, u64)>,
}

impl Board {
    /// One less to live: whether it was the last.
    fn ages(&mut self, function: Function, by: Count) -> bool {
        let Some((dying, counted, left)) = &mut self.death else { return false };
        if (*dying, *counted) != (function, by) {
            return false;
        }
        *left = left.saturating_sub(1);
        *left == 0
    }

    fn kill(&mut self, function: Function) {
        self.death = None;
        let dying = self.processes.iter().filter(|process| process.function == function).copied();
        self.dead.extend(dying);
    }
}

impl Switchboard {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap()
    }

    /// A new process.
    pub fn start(&self, function: Function) -> Process {
        let mut board = self.board();
        let process = Process { function, number: board.processes.len() };
        board.processes.push(process);
        process
    }

    /// All processes of a function die at the n-th of what is counted, from 1: then and from then on, none of their calls ends.
    pub fn die_at(&self, function: Function, count: Count, number: u64) {
        self.board().death = Some((function, count, number));
    }

    /// Whether a process of this function has died.
    pub fn has_died(&self, function: Function) -> bool {
        self.board().dead.iter().any(|process| process.function == function)
    }

    /// Lets a process do this, as long as it lives. When it dies, what it was doing is dropped, and never ends.
    pub async fn live<F: Future>(&self, process: Process, work: F) -> F::Output {
        let mut work = Some(Box::pin(work));
        poll_fn(|context| {
            if self.is_dead_after(process, Count::Polls) {
                work = None;
            }
            work.as_mut().map_or(Poll::Pending, |work| work.as_mut().poll(context))
        })
        .await
    }

    /// Ends when they die.
    pub async fn death(&self) {
        self.died.notified().await;
    }

    /// From now on, this befalls calls, or nothing; nobody is to die any more. Forgets what was called before.
    pub fn set(&self, trouble: Option<Trouble>) {
        let mut board = self.board();
        (board.trouble, board.began, board.has_fallen, board.death) = (trouble, None, false, None);
        board.made.clear();
    }

    /// The kinds of calls since the last change.
    pub fn made(&self) -> BTreeSet<Call> {
        self.board().made.clone()
    }

    /// Whether the trouble has befallen a call.
    pub fn has_fallen(&self) -> bool {
        self.board().has_fallen
    }

    /// A process begins a call, or hears of its end. Who is dead never goes on.
    pub async fn step(&self, process: Process) {
        yield_now().await;
        if self.is_dead_after(process, Count::Calls) {
            pending::<()>().await;
        }
    }

    fn is_dead_after(&self, process: Process, by: Count) -> bool {
        let mut board = self.board();
        if board.ages(process.function, by) {
            board.kill(process.function);
            self.died.notify_one();
        }
        board.dead.contains(&process)
    }

    /// What befalls a call.
    pub fn fate(&self, process: Process, service: Service, what: String, writes: bool) -> Option<Fault> {
        if process.function == Function::Outside {
            return None;
        }
        let call = Call { function: process.function, service, what, writes };
        let mut board = self.board();
        let hit = board.trouble.as_ref().filter(|trouble| trouble.target.is_hit(&call));
        let hit = hit.map(|trouble| (trouble.fault, trouble.span));
        board.made.insert(call);
        let (fault, span) = hit?;
        let now = Instant::now();
        let began = *board.began.get_or_insert(now);
        let falls = match span {
            Span::Once => !board.has_fallen,
            Span::HalfAMinute => now < began + HALF_A_MINUTE,
            Span::UntilRestart => true,
        };
        board.has_fallen |= falls;
        falls.then_some(fault)
    }
}
