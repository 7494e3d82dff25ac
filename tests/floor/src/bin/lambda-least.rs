//! The least that could be a connector, with the same libraries: while it starts, it reads the token from Secrets Manager and the keys from
//! their table; each event is one call to Zoho, whose answer is passed on as it is. No key is checked, no call counted, nothing shaped or
//! logged.

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, Response, run, service_fn};
use reqwest::header::AUTHORIZATION;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let url = &std::env::var("CALL_URL")?;
    let token = &token().await?;
    let client = &reqwest::Client::builder().tls_certs_only([]).build()?;
    run(service_fn(async |_: Request| {
        let call = client.get(url).header(AUTHORIZATION, token);
        let body = call.send().await?.error_for_status()?.text().await?;
        let answer = Response::builder().header("content-type", "application/json");
        Ok::<_, Error>(answer.body(Body::from(body))?)
    }))
    .await
}

/// The header with the token, once there is a key.
async fn token() -> Result<String, Error> {
    // Another default fails here only where there is one already.
    let _is_set = rustls::crypto::ring::default_provider().install_default();
    let config = shared::store::aws::config_from_env()?;
    let secret = aws_sdk_secretsmanager::Client::new(&config);
    let secret = secret.get_secret_value().secret_id(std::env::var("TOKEN_SECRET")?).send();
    let keys = aws_sdk_dynamodb::Client::new(&config);
    let keys = keys.query().table_name(std::env::var("KEYS_TABLE")?).key_condition_expression("pk = :pk");
    let keys = keys.expression_attribute_values(":pk", AttributeValue::S("key".to_owned())).send();
    let (secret, keys) = tokio::try_join!(async { secret.await.map_err(Error::from) }, async {
        keys.await.map_err(Error::from)
    })?;
    if keys.count() == 0 {
        return Err("there is no key".into());
    }
    let token: Value = serde_json::from_str(secret.secret_string().unwrap_or_default())?;
    Ok(format!("Zoho-oauthtoken {}", token["token"].as_str().ok_or("there is no token")?))
}
