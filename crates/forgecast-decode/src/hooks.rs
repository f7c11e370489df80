//! Hooks of coding agents: what an agent reports while it works becomes facts that drive its status: what it waits for,
//! which tools it uses, which subagents are at work. A hook tells no tokens; it only confirms those that others tell.

mod claude;

pub use self::claude::claude;
