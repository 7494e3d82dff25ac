//! Stacks on AWS: functions, their version, rights and address, tables.

use sandbox::Options;
use tests::connector::Connector;
use tests::deployed::Deployed;
use tests::lambda::Cloud;
use tests::process;

use super::{Found, doctor, edit, in_minutes, put_back};

/// The tag by which the doctor knows a function's version.
#[test]
fn the_template_says_the_version() {
    let template = include_str!("../../../template.yaml");
    let tag = format!("version: '{}'", env!("CARGO_PKG_VERSION"));
    assert!(template.contains(&tag), "template.yaml must tag the functions with {tag}");
}

/// The functions, their version and their rights, and a schedule that does not run.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_is_broken_is_told() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.connect().await;
    let (connector, stack, stores) = (&deployed.connector, &deployed.names().stack, deployed.stores());
    doctor(connector).await.is_well();

    let before = edit(&stores, |row| row.token_expires = Some(in_minutes(5))).await;
    let found = doctor(connector).await;
    found.only("Token default", "the schedule is off", &format!("{stack}-token-refresh on in EventBridge"));
    put_back(&stores, &before).await;

    let function = format!("{stack}-webhook-intake");
    deployed.cloud.set_version(&function, "0.0.9");
    let check = format!("Function {function}");
    doctor(connector).await.only(&check, "of version 0.0.9", "sam deploy");
    deployed.cloud.remove(&function);
    doctor(connector).await.only(&check, "cannot be read", "`sam deploy` makes it again");
}

/// The template has another address than before, and the commands of some machine still have the old one.
#[tokio::test(flavor = "multi_thread")]
async fn another_address_of_a_stack_is_told_with_what_has_the_old_one() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.connect().await;
    let old = deployed.connector.url.clone();
    let deployed = deployed.at_another_address().await;
    let (connector, stack) = (&deployed.connector, deployed.names().stack.as_str());
    let new = connector.url.as_str();
    let home = tempfile::tempdir().unwrap();
    let variables = connector.variables_at(&home);
    let on_stack = async |args: &[&str], url: &str| {
        process::run(&[args, &["--stack", stack, "--public-url", url]].concat(), &variables, "").await
    };

    let found = Found::read(&on_stack(&["doctor", "--json"], &old).await);
    let takes = format!("the stack takes {new} for its address");
    found.names("Stack's address", &takes, &format!("--public-url {new}"));
    let refused = on_stack(&["setup", "--no-hook"], &old).await;
    assert!(refused.code == 1 && refused.err.contains(&format!("--public-url {new}")), "{refused:?}");
    let remembered = process::run(&["installations", "list", "--json"], &variables, "").await;
    assert_eq!(remembered.out.trim(), "[]", "what was refused is not remembered");

    // Nothing of it is remembered on this machine: the store knows what the operator was told.
    doctor(connector).await.only(
        "Address at Zoho",
        &old,
        &format!("enter {new}/oauth/callback in place of {old}/"),
    );
    let setup = on_stack(&["setup", "--no-hook"], new).await;
    assert_eq!(setup.code, 0, "{setup:?}");
    let told = format!("The address was {old}, and is {new} from now on");
    assert!(setup.out.contains(&told), "{}", setup.out);
    let redirect_uri = format!("{new}/oauth/callback");
    assert!(setup.out.lines().any(|line| line.trim() == redirect_uri), "to be copied: {}", setup.out);
    doctor(connector).await.is_well();
    let again = on_stack(&["setup", "--no-hook"], new).await;
    assert!(again.code == 0 && !again.out.contains("The address was"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_lacks_a_right_and_a_table_that_is_gone_are_told() {
    let deployed = Deployed::on_aws(Cloud::start().await).await;
    deployed.connect().await;
    let connector = &deployed.connector;
    deployed.take_away("token-refresh", "dynamodb:Query");
    doctor(connector).await.only("Renewal", "not authorized to perform: dynamodb:Query", "sam deploy");
    deployed.take_away("api-proxy", "dynamodb:GetItem");
    let found = doctor(connector).await;
    found.names("This installation", "does not reach its own store", "-api-proxy names the right");

    let client = aws_sdk_dynamodb::Client::new(&tests::aws::Aws::get().config());
    client.delete_table().table_name(&deployed.names().events).send().await.unwrap();
    doctor(connector).await.only("Store", "ResourceNotFound", "point-in-time recovery");

    let nowhere = Connector::unset(Options::new(""), "http://127.0.0.1:1".to_owned()).await;
    let nowhere = nowhere.on_stack("no-such-stack", deployed.cloud.url());
    doctor(&nowhere).await.only(
        "Store",
        "no-such-stack-api-proxy cannot be read",
        "--stack, --region, --profile",
    );
}
