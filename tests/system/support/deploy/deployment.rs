use std::fmt;

use serde_json::Value;

/// The states in which a deployment ends.
const FINAL: [&str; 6] = [
    "succeeded",
    "rolled_back",
    "rollback_failed",
    "failed",
    "superseded",
    "cancelled",
];

/// A deployment as the API shows it.
#[derive(Clone)]
pub struct Deployment(pub Value);

impl Deployment {
    pub fn id(&self) -> u64 {
        self.0["id"].as_u64().expect("a number")
    }

    pub fn state(&self) -> &str {
        self.0["state"].as_str().expect("a state")
    }

    pub fn reason(&self) -> &str {
        self.0["reason"].as_str().unwrap_or_default()
    }

    pub fn has_ended(&self) -> bool {
        FINAL.contains(&self.state())
    }

    /// The part of a service.
    pub fn service(&self, name: &str) -> &Value {
        let services = self.0["services"].as_array().expect("a list");
        let service = services.iter().find(|service| service["service"] == name);
        service.unwrap_or_else(|| panic!("no service {name} in {self:?}"))
    }

    pub fn to_digest(&self, service: &str) -> &str {
        let digest = self.service(service)["to_digest"].as_str();
        digest.expect("a digest")
    }

    pub fn downtime_ms(&self, service: &str) -> Option<u64> {
        self.service(service)["downtime_ms"].as_u64()
    }

    #[track_caller]
    pub fn expect(&self, state: &str) -> &Self {
        assert_eq!(self.state(), state, "{self:?}");
        self
    }

    /// That it ended so, for a reason that holds the text.
    #[track_caller]
    pub fn expect_because(&self, state: &str, text: &str) -> &Self {
        self.expect(state);
        assert!(self.reason().contains(text), "no {text:?} in {self:?}");
        self
    }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}
