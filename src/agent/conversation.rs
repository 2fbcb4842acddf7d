//! What was said in a session: typed steps, and the messages that the model is sent for them. Pure.
//!
//! New steps only ever come at the end, so that the messages of one turn begin with those of the turn
//! before and servers can cache them; only pruning, which the user asks for, rewrites the past.

use std::sync::Arc;

use super::prompt;
use crate::model::{Message, Role, Usage};

/// One step of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When, in seconds since 1970.
    pub time: f64,
    /// What was said.
    pub kind: EntryKind,
}

/// What was said in a step.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryKind {
    /// The instructions.
    SystemPrompt(String),
    /// A task.
    Task(String),
    /// A reply of the model and what came of it.
    Action(Box<Action>),
    /// The scratchpad as it then was.
    Scratchpad(String),
    /// The tools as they then were, where the system prompt says otherwise.
    Tools(String),
}

/// A reply of the model and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Number of the step in its session.
    pub step: u64,
    /// What the model said.
    pub reply: String,
    /// The code in it.
    pub code: Option<String>,
    /// What the model is told of the outcome.
    pub observation: String,
    /// Type and message of the exception.
    pub error: Option<String>,
    /// Seconds that the step took, the model's time included.
    pub duration: f64,
    /// Tokens used.
    pub usage: Usage,
}

/// How a conversation is made shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// Keep this many of the latest actions.
    KeepLast(usize),
    /// Leave this many characters of each observation.
    TruncateObservations(usize),
    /// Nothing.
    None,
}

/// The steps of a session, oldest first. A clone shares those that both have.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    entries: Vec<Arc<Entry>>,
}

impl Conversation {
    /// Adds a step at the end.
    pub fn push(&mut self, time: f64, kind: EntryKind) {
        self.entries.push(Arc::new(Entry { time, kind }));
    }

    /// The steps, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Puts these instructions in the place of those before, while the model has not seen any; else says
    /// that it has to be told otherwise.
    pub fn set_system_prompt(&mut self, prompt: &str) -> bool {
        let unseen = self.last_action().is_none();
        if let Some(entry) = self.entries.first_mut().filter(|_| unseen) {
            Arc::make_mut(entry).kind = EntryKind::SystemPrompt(prompt.to_owned());
        }
        unseen
    }

    /// The latest action.
    #[must_use]
    pub fn last_action(&self) -> Option<&Action> {
        self.entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.kind {
                EntryKind::Action(action) => Some(&**action),
                _ => None,
            })
    }

    /// The messages for the model. Roles alternate, as many chat templates want it.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        let mut messages = Vec::new();
        for entry in &self.entries {
            match &entry.kind {
                EntryKind::SystemPrompt(text) => say(&mut messages, Role::System, text),
                EntryKind::Task(text) => say(&mut messages, Role::User, &prompt::task(text)),
                EntryKind::Scratchpad(text) | EntryKind::Tools(text) => {
                    say(&mut messages, Role::User, text);
                }
                EntryKind::Action(action) => {
                    let reply = action.reply.trim();
                    let reply = if reply.is_empty() {
                        "(empty reply)"
                    } else {
                        reply
                    };
                    say(&mut messages, Role::Assistant, reply);
                    say(&mut messages, Role::User, &action.observation);
                }
            }
        }
        messages
    }

    /// Makes the conversation shorter. The system prompt and the current task always stay.
    pub fn prune(&mut self, how: Prune) {
        match how {
            Prune::KeepLast(keep) => self.keep_last(keep),
            Prune::TruncateObservations(limit) => self.truncate_observations(limit),
            Prune::None => {}
        }
    }

    fn keep_last(&mut self, keep: usize) {
        let is_action = |entry: &Arc<Entry>| matches!(entry.kind, EntryKind::Action(_));
        let actions = self.entries.iter().filter(|entry| is_action(entry)).count();
        let mut surplus = actions.saturating_sub(keep);
        let last_task = self.last_index(|kind| matches!(kind, EntryKind::Task(_)));
        let last_pad = self.last_index(|kind| matches!(kind, EntryKind::Scratchpad(_)));
        let last_tools = self.last_index(|kind| matches!(kind, EntryKind::Tools(_)));
        let mut index = 0;
        self.entries.retain(|entry| {
            let at = Some(index);
            index += 1;
            match &entry.kind {
                EntryKind::SystemPrompt(_) => true,
                EntryKind::Task(_) => at == last_task || surplus == 0,
                EntryKind::Scratchpad(_) => at == last_pad,
                EntryKind::Tools(_) => at == last_tools,
                EntryKind::Action(_) => {
                    let keep = surplus == 0;
                    surplus = surplus.saturating_sub(1);
                    keep
                }
            }
        });
    }

    fn last_index(&self, matches: impl Fn(&EntryKind) -> bool) -> Option<usize> {
        self.entries.iter().rposition(|entry| matches(&entry.kind))
    }

    fn truncate_observations(&mut self, limit: usize) {
        for entry in &mut self.entries {
            let EntryKind::Action(action) = &entry.kind else {
                continue;
            };
            let Some((at, _)) = action.observation.char_indices().nth(limit) else {
                continue;
            };
            if let EntryKind::Action(action) = &mut Arc::make_mut(entry).kind {
                action.observation.truncate(at);
                action.observation.push_str("\n[truncated]");
            }
        }
    }
}

/// Adds to the last message where it has the same role.
fn say(messages: &mut Vec<Message>, role: Role, text: &str) {
    match messages.last_mut() {
        Some(last) if last.role == role => {
            last.content.push_str("\n\n");
            last.content.push_str(text);
        }
        _ => messages.push(Message {
            role,
            content: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(step: u64) -> EntryKind {
        EntryKind::Action(Box::new(Action {
            step,
            reply: format!("reply {step}"),
            code: None,
            observation: format!("observation {step}"),
            error: None,
            duration: 1.0,
            usage: Usage::default(),
        }))
    }

    fn conversation(kinds: Vec<EntryKind>) -> Conversation {
        let mut conversation = Conversation::default();
        kinds
            .into_iter()
            .for_each(|kind| conversation.push(0.0, kind));
        conversation
    }

    fn shape(conversation: &Conversation) -> String {
        let letter = |entry: &Arc<Entry>| match &entry.kind {
            EntryKind::SystemPrompt(_) => "S".to_owned(),
            EntryKind::Task(text) => format!("T{text}"),
            EntryKind::Scratchpad(_) => "P".to_owned(),
            EntryKind::Tools(_) => "F".to_owned(),
            EntryKind::Action(action) => action.step.to_string(),
        };
        conversation
            .entries()
            .iter()
            .map(letter)
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn sample() -> Conversation {
        conversation(vec![
            EntryKind::SystemPrompt("system".to_owned()),
            EntryKind::Task("a".to_owned()),
            action(1),
            EntryKind::Scratchpad("old pad".to_owned()),
            action(2),
            EntryKind::Task("b".to_owned()),
            EntryKind::Scratchpad("pad".to_owned()),
            action(3),
            action(4),
        ])
    }

    #[test]
    fn messages_alternate_and_keep_their_order() {
        let messages = sample().messages();
        let roles: Vec<Role> = messages.iter().map(|message| message.role).collect();
        assert_eq!(roles[0], Role::System);
        assert!(roles.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(messages[3].content, "observation 1\n\nold pad");
        assert_eq!(messages[5].content, "observation 2\n\nTask: b\n\npad");
    }

    #[test]
    fn pruning_keeps_the_system_prompt_and_the_current_task() {
        let cases = [
            (Prune::KeepLast(10), "S Ta 1 2 Tb P 3 4"),
            (Prune::KeepLast(3), "S 2 Tb P 3 4"),
            (Prune::KeepLast(1), "S Tb P 4"),
            (Prune::KeepLast(0), "S Tb P"),
            (Prune::None, "S Ta 1 P 2 Tb P 3 4"),
        ];
        for (how, expected) in cases {
            let mut conversation = sample();
            conversation.prune(how);
            assert_eq!(shape(&conversation), expected, "{how:?}");
        }
    }

    #[test]
    fn long_observations_are_cut() {
        let mut conversation = sample();
        conversation.prune(Prune::TruncateObservations(11));
        assert_eq!(
            conversation.messages()[3].content,
            "observation\n[truncated]\n\nold pad"
        );
    }
}
