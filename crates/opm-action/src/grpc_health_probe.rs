//! Asking a server for its health, as probes of pods do.

use std::time::Duration;

use anyhow::anyhow;
use opm_api::{Client, ClientError, ClientOptions, Health};

use crate::Context;

/// Whom to ask, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server as `[host]:port`; without a host, it is on this machine.
    pub address: String,
    /// The service; empty for the whole server.
    pub service: String,
    /// How long to try to connect.
    pub connect_timeout: Duration,
    /// How long to wait for the answer.
    pub deadline: Duration,
    /// What to send as `user-agent`.
    pub user_agent: String,
}

/// What a probe came to. The numbers are those of the program `grpc_health_probe`, and its exit statuses.
#[derive(Debug)]
pub enum Outcome {
    /// 0: the service answers.
    Serving,
    /// 1: the address cannot be one.
    BadAddress(anyhow::Error),
    /// 2: nobody answers there.
    Unreachable(anyhow::Error),
    /// 3: the answer is an error, or late.
    Failed(anyhow::Error),
    /// 4: the service does not answer.
    Unhealthy(&'static str),
}

/// Asks once.
pub async fn run(options: &Options, context: &Context) -> anyhow::Result<Outcome> {
    context.unless_interrupted(async { Ok(ask(options).await) }).await
}

async fn ask(options: &Options) -> Outcome {
    let address = match options.address.strip_prefix(':') {
        // Images with nothing else in them may not know the name of this machine.
        Some(port) => format!("127.0.0.1:{port}"),
        None => options.address.clone(),
    };
    let how = ClientOptions {
        connect_timeout: Some(options.connect_timeout),
        deadline: Some(options.deadline),
        user_agent: Some(options.user_agent.clone()),
    };
    let connecting = tokio::time::timeout(options.connect_timeout, Client::connect_with(&address, how));
    let client = match connecting.await {
        Ok(Ok(client)) => client,
        Ok(Err(error @ ClientError::Address { .. })) => return Outcome::BadAddress(error.into()),
        Ok(Err(error)) => return Outcome::Unreachable(error.into()),
        Err(_) => {
            return Outcome::Unreachable(anyhow!("cannot connect to {address} within {:?}", options.connect_timeout));
        }
    };
    match tokio::time::timeout(options.deadline, client.health(&options.service)).await {
        Ok(Ok(Health::Serving)) => Outcome::Serving,
        Ok(Ok(Health::NotServing)) => Outcome::Unhealthy("NOT_SERVING"),
        Ok(Ok(Health::Unknown)) => Outcome::Unhealthy("SERVICE_UNKNOWN"),
        Ok(Err(error)) => Outcome::Failed(error.into()),
        Err(_) => Outcome::Failed(anyhow!("{address} does not answer within {:?}", options.deadline)),
    }
}
