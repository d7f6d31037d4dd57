//! Prints the workspaces, and where the runs stand whose session ids are the arguments.

use dinoai::Client;

#[tokio::main]
async fn main() -> own_documents::Result<()> {
    let client = Client::from_env_or_file()?;
    for name in own_documents::workspaces(&client).await? {
        println!("{name}");
    }
    for id in std::env::args().skip(1) {
        match own_documents::overview(&client, &id).await? {
            Some((status, workspace)) => println!("{id} {status} in {workspace}"),
            None => println!("{id} is not known"),
        }
    }
    Ok(())
}
