use syn::{Attribute, Fields, ItemEnum, LitStr, Meta, Result, Variant};

/// The enumeration that an attribute stands on.
pub struct Variants {
    /// As it was written, without the marks that were taken.
    pub item: ItemEnum,
}

impl Variants {
    pub fn new(item: ItemEnum) -> Self {
        Self { item }
    }

    /// Of each variant, what `read` makes of it and of the marks named; these are taken off.
    pub fn take<T>(
        &mut self,
        names: &[&str],
        mut read: impl FnMut(&Variant, &[Attribute]) -> Result<T>,
    ) -> Result<Vec<T>> {
        let is_mark = |attribute: &Attribute| names.iter().any(|name| attribute.path().is_ident(name));
        let mut all = Vec::with_capacity(self.item.variants.len());
        for variant in &mut self.item.variants {
            let (marks, others): (Vec<_>, Vec<_>) = variant.attrs.drain(..).partition(is_mark);
            variant.attrs = others;
            all.push(read(variant, &marks)?);
        }
        Ok(all)
    }
}

/// `ChangePlan` as `change_plan`, the way serde has it.
pub fn snake_case(variant: &Variant) -> String {
    words(variant, '_')
}

/// `ChangePlan` as `change-plan`.
pub fn kebab_case(variant: &Variant) -> String {
    words(variant, '-')
}

fn words(variant: &Variant, between: char) -> String {
    let mut text = String::new();
    for (at, letter) in variant.ident.to_string().char_indices() {
        if letter.is_uppercase() && at > 0 {
            text.push(between);
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// A pattern that any value of the variant matches.
pub fn any(variant: &Variant) -> proc_macro2::TokenStream {
    let name = &variant.ident;
    match variant.fields {
        Fields::Named(_) => quote::quote!(Self::#name { .. }),
        Fields::Unnamed(_) => quote::quote!(Self::#name(..)),
        Fields::Unit => quote::quote!(Self::#name),
    }
}

/// The texts that a mark lists in brackets.
pub fn texts(mark: &Attribute) -> Result<Vec<LitStr>> {
    let list = syn::punctuated::Punctuated::<LitStr, syn::Token![,]>::parse_terminated;
    Ok(mark.parse_args_with(list)?.into_iter().collect())
}

/// The paragraphs of the description.
pub fn description(variant: &Variant) -> Vec<String> {
    let lines = variant.attrs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                Some(text.value().trim().to_owned())
            }
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.collect();
    let paragraphs = lines.split(String::is_empty).map(|paragraph| paragraph.join(" "));
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect()
}
