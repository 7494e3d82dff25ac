//! The sandbox over real HTTP: the rules the connector's tests lean on.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod adjustments;
#[cfg(test)]
mod coql;
#[cfg(test)]
mod crm;
#[cfg(test)]
mod deleted;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod images;
#[cfg(test)]
mod inventory;
#[cfg(test)]
mod notifications;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod purchasing;
#[cfg(test)]
mod records;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod search;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod webhooks;
