//! The stand-ins, and one start of a contender in front of them.

use std::sync::Arc;

use crate::aws::Aws;
use crate::contenders::Contender;
use crate::direct;
use crate::figures::{Start, micros};
use crate::fixtures::{secrets, store_key};
use crate::function::Function;
use crate::http::{listen, serve};
use crate::process;
use crate::zoho::Zoho;

/// AWS and Zoho.
pub(crate) struct Stage {
    aws: Arc<Aws>,
    zoho: Arc<Zoho>,
    pub(crate) aws_url: String,
    pub(crate) zoho_url: String,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let (aws, zoho) = (Arc::new(Aws::new(secrets())), Arc::new(Zoho::new()));
        let (listener, aws_address) = listen().await;
        let of_aws = aws.clone();
        serve(listener, move |request, body| std::future::ready(of_aws.answer(&request, &body)));
        let (listener, zoho_address) = listen().await;
        let of_zoho = zoho.clone();
        serve(listener, move |request, _| std::future::ready(of_zoho.answer(&request)));
        Self {
            aws,
            zoho,
            aws_url: format!("http://{aws_address}"),
            zoho_url: format!("http://{zoho_address}"),
        }
    }

    /// Forgets what the last process stored. The slots that killed processes held would make the row of the quota longer with each start.
    pub(crate) fn clear(&self) {
        self.aws.clear();
        store_key(&self.aws);
        self.take_calls();
    }

    /// Starts a contender, gives it its event once and then this often, and ends it.
    pub(crate) async fn run(&self, contender: &Contender, events: usize) -> Start {
        self.clear();
        let mut function = Function::start(contender, &[]).await;
        let pid = function.pid().to_string();
        let init = function.ready().await;
        let (_, first) = function.ask(&contender.event).await;
        let (cold, cpu_first) = (self.take_calls(), process::cpu(&pid));
        let mut warm = Vec::with_capacity(events);
        for _ in 0..events {
            warm.push(function.ask(&contender.event).await.0.took);
        }
        let cpu_warm = process::cpu(&pid).saturating_sub(cpu_first);
        Start {
            init,
            first,
            warm,
            cpu_first,
            cpu_warm,
            peak: process::peak(&pid),
            cold,
            later: self.take_calls(),
        }
    }

    /// Starts the process of a direct call and gives it so many events after a first one. Returns what each call took, in microseconds.
    pub(crate) async fn call(&self, contender: &Contender, events: usize) -> Vec<f64> {
        let mut caller = Function::start(contender, &[]).await;
        caller.ready().await;
        let mut taken = Vec::with_capacity(events);
        // The first call opens the connection to Zoho, and is not counted.
        for event in 0..=events {
            let (answered, _) = caller.ask(&contender.event).await;
            if event > 0 {
                taken.push(micros(direct::took(&answered.body)));
            }
        }
        taken
    }

    fn take_calls(&self) -> [crate::calls::Calls; 2] {
        [self.aws.calls.take(), self.zoho.calls.take()]
    }
}
