use std::num::NonZeroU32;

use berth_oci::Digest;
use clap::{Args, Subcommand};

use super::values::{DeployLabel, Name, ServiceDigest};

/// Of a deployment, or a rule.
pub(crate) type Number = NonZeroU32;

#[derive(Subcommand)]
pub(crate) enum DeployCommand {
    /// List deployments, the newest first
    #[command(visible_alias = "ls")]
    List(ListDeployments),
    /// Show a deployment with its steps
    Show {
        #[arg(value_name = "ID")]
        deployment: Number,
    },
    /// Print what happened during a deployment
    Logs {
        #[arg(value_name = "ID")]
        deployment: Number,
        /// Go on until the deployment ends, and fail unless it succeeded
        #[arg(short, long)]
        follow: bool,
    },
    /// Print the steps that a deployment by hand would have, and take none
    Plan(WhatToDeploy),
    /// Deploy by hand
    Run {
        #[command(flatten)]
        what: WhatToDeploy,
        /// Print each step, and fail unless the deployment succeeds
        #[arg(long)]
        wait: bool,
    },
    /// Let a deployment go on that waits for somebody's word
    Approve {
        #[arg(value_name = "ID")]
        deployment: Number,
    },
    /// End a deployment that has not begun
    Cancel {
        #[arg(value_name = "ID")]
        deployment: Number,
    },
    /// Bring back what ran before a deployment
    Rollback {
        #[arg(value_name = "ID")]
        deployment: Number,
        /// Print each step, and fail unless the rollback succeeds
        #[arg(long)]
        wait: bool,
    },
    /// Deploy nothing to a stack until it is released
    Hold {
        #[command(flatten)]
        stack: StackName,
        /// Why, for those who wonder
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Deploy to a stack again that was held
    Release {
        #[command(flatten)]
        stack: StackName,
    },
    /// Deploy no other digest to a service than this one
    Pin {
        #[command(flatten)]
        service: ServiceName,
        digest: Digest,
    },
    /// Deploy what is pushed to a service again that was pinned
    Unpin {
        #[command(flatten)]
        service: ServiceName,
    },
    /// Say what became of pushes for a service, and why, the newest first
    Why {
        #[command(flatten)]
        service: ServiceName,
        /// How many pushes
        #[arg(short = 'n', value_name = "COUNT", default_value_t = 20)]
        count: usize,
    },
    /// List the targets: the places that run services
    Targets,
    /// List the stacks of a target and their services
    Stacks { target: Name },
    /// What is deployed although it carries no label
    #[command(subcommand)]
    Rule(DeployRuleCommand),
}

#[derive(Args)]
pub(crate) struct ListDeployments {
    /// Only those of this target
    #[arg(long)]
    pub(crate) target: Option<Name>,
    /// Only those of stacks of this name
    #[arg(long)]
    pub(crate) stack: Option<Name>,
    /// Only those in this state, such as succeeded, waiting or failed
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// How many deployments
    #[arg(short = 'n', value_name = "COUNT", default_value_t = 50)]
    pub(crate) count: usize,
}

#[derive(Args)]
pub(crate) struct StackName {
    pub(crate) target: Name,
    /// A Compose project, or a container that is in none
    pub(crate) stack: Name,
}

#[derive(Args)]
pub(crate) struct ServiceName {
    #[command(flatten)]
    pub(crate) stack: StackName,
    /// Of a container that is in no Compose project: its name again
    pub(crate) service: Name,
}

#[derive(Args)]
pub(crate) struct WhatToDeploy {
    #[command(flatten)]
    pub(crate) stack: StackName,
    /// What a service is to run; without any, every service of the stack is brought to what its tag
    /// names now
    #[arg(value_name = "SERVICE=DIGEST")]
    pub(crate) services: Vec<ServiceDigest>,
}

#[derive(Subcommand)]
pub(crate) enum DeployRuleCommand {
    /// List the rules
    #[command(visible_alias = "ls")]
    List,
    /// Have services deployed as if they carried the label berth.deploy=true
    Create {
        #[command(flatten)]
        stack: StackName,
        /// Without one, every service of the stack
        service: Option<Name>,
        /// Another label that counts as if it were there; can be given several times
        #[arg(long = "label", value_name = "LABEL=VALUE")]
        labels: Vec<DeployLabel>,
    },
    /// Delete a rule
    #[command(visible_alias = "rm")]
    Delete {
        #[arg(value_name = "ID")]
        rule: Number,
    },
}
