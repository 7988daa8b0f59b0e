pub(crate) mod policies;
pub(crate) mod rows;
pub(crate) mod runs;
