//! Every route, asked by every kind of caller, and what has to hold of rights beside that.

mod asking;
mod audit;
mod caches;
mod credential;
mod delegation;
mod examples;
mod names;
mod page;
mod people;
mod pushes;
mod scopes;
mod sessions;
mod slow_bodies;
mod space;
mod table;
mod takeovers;
mod upstreams;
mod walk;
mod world;
