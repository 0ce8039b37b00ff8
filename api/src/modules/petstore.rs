use wilco_domain::petstore::pet::{CreatePet, DeletePet, Pet, ReleasePet, ReservePet, SellPet, UpdatePet};
use wilco_projections::petstore::PetView;

use super::{At, Builder, Module};

/// The pets of the store.
pub(super) fn pets() -> Module {
    Builder::<Pet, PetView>::new("pets", "Pets", "The pets of the store.")
        .command::<CreatePet>([At::post("", "Take a pet into the store")
            .describe(
                "Leave `id` out and the server makes one; with one, an identical request is the same command.",
            )
            .fails(&["already-exists", "gone"])])
        .command::<UpdatePet>([At::put("/{id}", "Describe a pet anew")
            .describe("The description is replaced whole; the pet's status stays as it is.")
            .fails(&["not-found", "gone"])])
        .command::<ReservePet>([At::post("/{id}/reserve", "Hold a pet for an order")
            .describe("There is one reservation at a time.")
            .fails(&["not-found", "gone", "pet-reserved", "pet-sold"])])
        .command::<ReleasePet>([At::post("/{id}/release", "Give a held pet free again")
            .describe("Only the order it is held for can give it free.")
            .fails(&["not-found", "gone", "pet-not-reserved", "pet-reserved", "pet-sold"])])
        .command::<SellPet>([At::post("/{id}/sell", "Sell a pet")
            .describe("A reserved pet is sold to its order, an available one over the counter.")
            .fails(&["not-found", "gone", "pet-reserved", "pet-sold"])])
        .command::<DeletePet>([At::delete("/{id}", "Take a pet out of the store")
            .describe("Afterwards the pet is gone (410); its history remains.")
            .fails(&["not-found", "gone", "pet-reserved", "pet-sold"])])
        .finish()
}
