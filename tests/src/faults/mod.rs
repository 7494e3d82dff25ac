//! The fault matrix: a scene runs on simulated time, and one of its external calls fails in one way, for one span of time. What the
//! caller saw, whether anything was lost or doubled, and how soon it went well again by itself, is a cell. `calls` decides what befalls
//! a call, `stores` and `line` do it, `scenes` says what people and programs do, `play` does it, `cell` plays one.

pub mod calls;
pub mod cell;
pub mod kept;
pub mod kinds;
pub mod line;
pub mod play;
pub mod scenes;
pub mod stores;
pub mod world;
