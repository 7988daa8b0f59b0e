//! What people look at. No statement reads more than its caller asks for, whatever clients pushed.

pub(crate) mod repositories;
