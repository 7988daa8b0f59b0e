//! Users, their personal tokens and sessions, and robots: making, changing and removing them. Who may
//! do so is for the caller to ask first; that nobody hands out more than they have is seen to here.

mod personal_tokens;
mod robots;
mod sessions;
mod users;

pub use personal_tokens::{
    CreateTokenError, DeleteTokenError, NewToken, PersonalToken, TokenCreated,
};
pub use robots::{
    CreateRobotError, NewRobot, Robot, RobotChange, RobotCreated, RobotError, RobotOwner,
};
pub use sessions::{EndSessionError, Session, SignedIn};
pub use users::{
    ChangeUserError, CreateUserError, DeleteUserError, NewUser, SetPasswordError, User, UserChange,
};
