//! The steps of a session: which led to what it is now, and which were undone by going back.
//!
//! Pure. A step goes on from the latest one before it; going back to a checkpoint makes the step that left it
//! the latest again, and undoes those that do not lead to it. Going back further, or forth again, is the same.

use std::collections::VecDeque;

use crate::protocol::{Event, EventEnvelope};

/// Steps that are kept. There are far fewer checkpoints; what is older counts as done.
const MAX_STEPS: usize = 1_000;

/// The steps of a session, each named by the number of the event that began it.
#[derive(Debug, Default)]
pub struct Timeline {
    steps: VecDeque<Step>,
    /// The step that led to what the session is now, if it is known.
    latest: Option<u64>,
}

#[derive(Debug)]
struct Step {
    seq: u64,
    /// The one that it went on from.
    after: Option<u64>,
    checkpoint: Option<String>,
    undone: bool,
}

/// Where a step stands in what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// What it left can be gone back to by this name.
    pub checkpoint: Option<String>,
    /// Whether it was undone.
    pub undone: bool,
    /// Whether it led to what the session is now.
    pub latest: bool,
}

/// What an event changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// Nothing.
    None,
    /// There is more to go back to.
    Kept,
    /// Other steps are undone than before.
    Rewound,
}

impl Timeline {
    /// Takes an event of the session.
    pub fn take(&mut self, envelope: EventEnvelope) -> News {
        match envelope.event {
            Event::StepStarted { .. } => self.begin(envelope.seq),
            Event::Checkpoint { checkpoint, .. } => {
                if let Some(step) = self.latest.and_then(|seq| self.step_mut(seq)) {
                    step.checkpoint = Some(checkpoint);
                }
                return News::Kept;
            }
            Event::Rewound { checkpoint, .. } => {
                self.go_back(&checkpoint);
                return News::Rewound;
            }
            _ => {}
        }
        News::None
    }

    /// Where a step stands.
    pub fn moment(&self, seq: u64) -> Moment {
        let at = self.steps.binary_search_by_key(&seq, |step| step.seq);
        let step = at.ok().and_then(|at| self.steps.get(at));
        step.map_or_else(Moment::default, |step| Moment {
            checkpoint: step.checkpoint.clone(),
            undone: step.undone,
            latest: self.latest == Some(seq),
        })
    }

    fn begin(&mut self, seq: u64) {
        if self.steps.len() == MAX_STEPS {
            self.steps.pop_front();
        }
        self.steps.push_back(Step {
            seq,
            after: self.latest.replace(seq),
            checkpoint: None,
            undone: false,
        });
    }

    fn step_mut(&mut self, seq: u64) -> Option<&mut Step> {
        let at = self.steps.binary_search_by_key(&seq, |step| step.seq);
        at.ok().and_then(|at| self.steps.get_mut(at))
    }

    /// A checkpoint that is not known was made before all steps that are.
    fn go_back(&mut self, checkpoint: &str) {
        let left = |step: &&Step| step.checkpoint.as_deref() == Some(checkpoint);
        self.latest = self.steps.iter().find(left).map(|step| step.seq);
        let mut next = self.latest;
        for step in self.steps.iter_mut().rev() {
            step.undone = next != Some(step.seq);
            if !step.undone {
                next = step.after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes events: `1` begins a step, `c1` is a checkpoint, `<c1` goes back to it.
    fn timeline(events: &str) -> Timeline {
        let mut timeline = Timeline::default();
        for (seq, event) in (1..).zip(events.split(' ')) {
            let event = match (event.strip_prefix('<'), event.parse()) {
                (Some(checkpoint), _) => Event::Rewound {
                    checkpoint: checkpoint.to_owned(),
                    step: 0,
                },
                (None, Ok(step)) => Event::StepStarted { run: None, step },
                (None, Err(_)) => Event::Checkpoint {
                    checkpoint: event.to_owned(),
                    step: 0,
                },
            };
            timeline.take(EventEnvelope {
                session: String::new(),
                seq,
                time: 0.0,
                event,
            });
        }
        timeline
    }

    fn undone(timeline: &Timeline) -> Vec<u64> {
        let undone = timeline.steps.iter().filter(|step| step.undone);
        undone.map(|step| step.seq).collect()
    }

    #[test]
    fn going_back_undoes_the_steps_that_followed_and_going_forth_redoes_them() {
        let cases: &[(&str, &[u64])] = &[
            ("1 c1 2 c2 3 c3", &[]),
            ("1 c1 2 c2 3 c3 <c1", &[3, 5]),
            ("1 c1 2 c2 3 c3 <c1 <c3", &[]),
            ("1 c1 2 c2 3 c3 <c1 2 c4", &[3, 5]),
            ("1 c1 2 c2 3 c3 <c1 2 c4 <c2", &[5, 8]),
            ("1 c1 2 c2 3 c3 <c1 2 c4 <c3 <c4", &[3, 5]),
            ("1 c1 2 c2 <c0", &[1, 3]),
        ];
        for (events, wanted) in cases {
            assert_eq!(undone(&timeline(events)), *wanted, "{events}");
        }
    }

    #[test]
    fn a_step_knows_what_it_left_and_whether_that_is_the_state_now() {
        let timeline = timeline("1 c1 2 <c1 2 c2 3");
        let moment = |seq| {
            let moment = timeline.moment(seq);
            (moment.checkpoint, moment.undone, moment.latest)
        };
        assert_eq!(moment(1), (Some("c1".to_owned()), false, false));
        assert_eq!(moment(3), (None, true, false)); // it left none
        assert_eq!(moment(5), (Some("c2".to_owned()), false, false));
        assert_eq!(moment(7), (None, false, true));
        assert_eq!(moment(99), (None, false, false));
    }

    #[test]
    fn a_session_that_goes_on_and_on_does_not_grow_it() {
        let events: Vec<String> = (1..5_000).map(|step| format!("{step} c{step}")).collect();
        let timeline = timeline(&format!("{} <c4998", events.join(" ")));
        assert_eq!(timeline.steps.len(), MAX_STEPS);
        assert_eq!(undone(&timeline).len(), 1);
    }
}
