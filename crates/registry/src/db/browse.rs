//! What people look at. No statement reads more than its caller asks for, whatever clients pushed.

pub(crate) mod images;
pub(crate) mod repositories;
pub(crate) mod tags;
