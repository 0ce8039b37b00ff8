//! The attributes that an aggregate is written with. Each only adds derives and one small impl, which its description
//! shows; whatever they do not say can be written by hand instead.

mod commands;
mod events;
mod refusals;
mod variants;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{DeriveInput, parse_macro_input};

use variants::Variants;

/// A value: part of commands, events and states. Adds
///
/// ```text
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
/// ```
///
/// and, where all variants of an enumeration are plain, `Copy`, `Eq` and `#[serde(rename_all = "snake_case")]`; where
/// one of them is marked as `#[default]`, `Default` as well.
#[proc_macro_attribute]
pub fn value(_: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    let derives = derives(&quote!(Serialize, Deserialize));
    let further = match &item.data {
        syn::Data::Enum(data) => further(&data.variants),
        _ => Tokens::new(),
    };
    quote!(#derives #further #item).into()
}

/// The state of an aggregate. Adds what [`value`](macro@value) adds, and `#[derive(Default)]`: before anything has
/// happened to it, it is the default one.
#[proc_macro_attribute]
pub fn state(_: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::ItemStruct);
    let derives = derives(&quote!(Serialize, Deserialize));
    quote!(#derives #[derive(Default)] #item).into()
}

/// What an enumeration of values gets besides.
fn further(variants: &syn::punctuated::Punctuated<syn::Variant, syn::Token![,]>) -> Tokens {
    let is_default =
        |variant: &syn::Variant| variant.attrs.iter().any(|mark| mark.path().is_ident("default"));
    let default = variants.iter().any(is_default).then(|| quote!(#[derive(Default)]));
    let plain = variants.iter().all(|variant| variant.fields.is_empty());
    let plain = plain.then(|| quote!(#[derive(Copy, Eq)] #[serde(rename_all = "snake_case")]));
    quote!(#default #plain)
}

/// Everything that an aggregate can be asked: an enumeration with a variant for each command. Adds
///
/// ```text
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
/// #[serde(rename_all = "snake_case")]
/// impl wilco::kernel::Commands for … {}
/// ```
///
/// `ChangePlan { plan: Plan }` is the command `change_plan`, whose data are the variant's members. Its description
/// is shown where it can be made: the first paragraph as the summary. A variant may be marked as
///
/// - `#[creates]`: it makes the aggregate, and is refused where there is one;
/// - `#[removes]`: it ends the aggregate;
/// - `#[either]`: it does not matter whether there is one;
///
/// any other changes an aggregate that is there. `#[fails("car-retired", "validation")]` narrows down with which of
/// the aggregate's refusals it may fail, `#[fails()]` says with none; without either, it is any of them.
#[proc_macro_attribute]
pub fn commands(_: TokenStream, item: TokenStream) -> TokenStream {
    expand(item, commands::expand)
}

/// Everything that may happen to an aggregate: an enumeration with a variant for each event, past tense. Adds
///
/// ```text
/// #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
/// #[serde(tag = "type", rename_all = "snake_case")]
/// #[allow(missing_docs)]
/// impl wilco::kernel::Events for … {}
/// ```
///
/// `PlanChanged { plan: Plan }` of a `membership` is `membership.plan_changed`, stored as
/// `{"type": "plan_changed", "plan": …}`. `#[version("2.0")]` on a variant says that its members are laid out in
/// another way than at first (`1.0`): an upcaster reads what was stored before.
#[proc_macro_attribute]
pub fn events(_: TokenStream, item: TokenStream) -> TokenStream {
    expand(item, events::expand)
}

/// Everything that an aggregate may say no with: an enumeration with a variant for each reason. Adds
///
/// ```text
/// #[derive(Clone, Debug, PartialEq)]
/// impl Display, Error and wilco::kernel::Refusals for … {}
/// ```
///
/// Each variant is marked with what the client is told, in which members of the variant may be named:
///
/// - `#[rule("the car is retired")]`: a rule of the domain (409). A `car` names it `car-retired`, and the page at
///   that `type` shows the variant's description: the first paragraph as what it means, the rest as what to do.
/// - `#[invalid("the car is {colour} already")]`: the values make no sense for this aggregate (422 `validation`).
#[proc_macro_attribute]
pub fn refusals(_: TokenStream, item: TokenStream) -> TokenStream {
    expand(item, refusals::expand)
}

fn expand(item: TokenStream, with: fn(Variants) -> syn::Result<Tokens>) -> TokenStream {
    let item = parse_macro_input!(item as syn::ItemEnum);
    with(Variants::new(item)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The derives that all have but refusals. They are found by way of the crate that this is used through.
fn derives(serde: &Tokens) -> Tokens {
    let serde = serde.clone().into_iter().filter(|token| token.to_string() != ",");
    quote! {
        #[derive(
            Clone, Debug, PartialEq, ::wilco::__made_with::JsonSchema, #(::wilco::__made_with::#serde,)*
        )]
        #[serde(crate = "::wilco::__made_with::serde")]
        #[schemars(crate = "::wilco::__made_with::schemars")]
    }
}
